package manager_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

// boardServer serves boards over HTTP: fields that are changed together, and a sketch kept as a file.
func boardServer(boards *manager.Brainstorming) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, serve func(w http.ResponseWriter, r *http.Request, id manager.ID) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			id, err := uuid.Parse(r.PathValue("id"))
			if err != nil {
				http.Error(w, "no such board", http.StatusNotFound)
				return
			}
			if err := serve(w, r, id); errors.Is(err, manager.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
				http.Error(w, "no such board", http.StatusNotFound)
			} else if err != nil {
				http.Error(w, "try again later", http.StatusServiceUnavailable)
			}
		})
	}
	mux.HandleFunc("POST /boards", func(w http.ResponseWriter, r *http.Request) {
		id, err := boards.CreateSession(r.Context())
		if err != nil {
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, id)
	})
	handle("PATCH /boards/{id}", func(w http.ResponseWriter, r *http.Request, id manager.ID) error {
		var fields map[string]string
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&fields); err != nil {
			http.Error(w, "not a JSON object of strings", http.StatusBadRequest)
			return nil
		}
		version, err := boards.UpdateSession(r.Context(), id, fields)
		if err == nil {
			fmt.Fprint(w, "version ", version)
		}
		return err
	})
	handle("PUT /boards/{id}/sketch", func(w http.ResponseWriter, r *http.Request, id manager.ID) error {
		sketch, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(boards.Dir(id), "sketch.svg"), sketch, 0o600)
	})
	handle("GET /boards/{id}", func(w http.ResponseWriter, r *http.Request, id manager.ID) error {
		board, err := boards.Session(r.Context(), id)
		if err != nil {
			return err
		}
		return json.NewEncoder(w).Encode(board.Fields)
	})
	handle("DELETE /boards/{id}", func(_ http.ResponseWriter, r *http.Request, id manager.ID) error {
		return boards.DeleteSession(r.Context(), id)
	})
	return mux
}

// A server of boards, each with a directory for its files that goes when the board does.
func ExampleBrainstorming() {
	root, err := os.MkdirTemp("", "boards-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(root)
	store := strategies.NewPerSession[manager.Session]()
	defer store.Close()
	boards, err := manager.NewBrainstorming(store, root)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer boards.Close()
	server := httptest.NewServer(boardServer(boards))
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
	files := func() int {
		found, _ := filepath.Glob(filepath.Join(root, "*", "sketch.svg"))
		return len(found)
	}

	board := "/boards/" + do("POST", "/boards", "")
	fmt.Println(do("PATCH", board, `{"idea":"a garden on the roof","owner":"ada"}`))
	fmt.Println(do("PATCH", board, `{"owner":"grace"}`))
	do("PUT", board+"/sketch", "<svg/>")
	fmt.Println(do("GET", board, ""), "and", files(), "sketch")
	do("DELETE", board, "")
	fmt.Println(do("GET", board, ""), "and", files(), "sketches")
	// Output:
	// version 1
	// version 2
	// {"idea":"a garden on the roof","owner":"grace"} and 1 sketch
	// 404 no such board and 0 sketches
}
