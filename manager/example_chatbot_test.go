package manager_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

// chatServer serves conversations over HTTP.
func chatServer(bot *manager.Chatbot) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /chats", func(w http.ResponseWriter, r *http.Request) {
		id, err := bot.CreateSession(r.Context())
		if err != nil {
			chatError(w, err)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, id)
	})
	mux.HandleFunc("POST /chats/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := uuid.Parse(r.PathValue("id"))
		if err != nil {
			http.Error(w, "no such chat", http.StatusNotFound)
			return
		}
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
		if err != nil {
			http.Error(w, "message too long", http.StatusRequestEntityTooLarge)
			return
		}
		seq, err := bot.AddMessage(r.Context(), id, "user", string(text))
		if err != nil {
			chatError(w, err)
			return
		}
		fmt.Fprint(w, "message ", seq)
	})
	mux.HandleFunc("GET /chats/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := uuid.Parse(r.PathValue("id"))
		if err != nil {
			http.Error(w, "no such chat", http.StatusNotFound)
			return
		}
		history, err := bot.History(r.Context(), id, nil)
		if err != nil {
			chatError(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(history) // a client that has gone needs no answer
	})
	return mux
}

func chatError(w http.ResponseWriter, err error) {
	if errors.Is(err, manager.ErrNotFound) {
		http.Error(w, "no such chat", http.StatusNotFound)
		return
	}
	http.Error(w, "try again later", http.StatusServiceUnavailable)
}

// A chat server that forgets conversations half an hour after their last use. Any store serves; this one gives each
// session a lock of its own.
func ExampleChatbot() {
	const ttl = 30 * time.Minute
	store := strategies.NewPerSession[manager.Session]()
	defer store.Close()
	bot := manager.NewChatbot(store, manager.WithTTL(ttl), manager.OnRemove(func(_ manager.ID, last manager.Session) {
		fmt.Println("forgot a chat of", last.Seq, "messages")
	}))
	server := httptest.NewServer(chatServer(bot))
	defer server.Close()

	do := func(method, path, body string) string {
		request, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
		if err != nil {
			return err.Error()
		}
		response, err := server.Client().Do(request)
		if err != nil {
			return err.Error()
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			return err.Error()
		}
		if response.StatusCode >= 400 {
			return fmt.Sprint(response.StatusCode, " ", strings.TrimSpace(string(text)))
		}
		return strings.TrimSpace(string(text))
	}

	chat := "/chats/" + do("POST", "/chats", "")
	fmt.Println(do("POST", chat, "Is the library open?"))
	fmt.Println(do("POST", chat, "On Sundays, too?"))
	fmt.Println(do("GET", chat, ""))
	fmt.Println(do("GET", "/chats/1", ""))

	// A server calls this from a ticker.
	if _, err := bot.ExpireIdle(context.Background(), 0); err != nil {
		fmt.Println(err)
	}
	fmt.Println(do("POST", chat, "Hello?"))
	// Output:
	// message 1
	// message 2
	// [{"seq":1,"role":"user","content":"Is the library open?"},{"seq":2,"role":"user","content":"On Sundays, too?"}]
	// 404 no such chat
	// forgot a chat of 2 messages
	// 404 no such chat
}
