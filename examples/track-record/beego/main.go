// Beego is a chat whose messages are in a session of beego's session package, in one file for each session.
//
//	go run .                        # version 1.9.0
//	go run -modfile=fixed.mod .     # version 1.9.2, which has the fix
//
// The package loads the whole session when a request begins and saves it when the request ends, so that of two changes that overlap one
// is lost. Here changes wait for each other, and requests that only read do not save: what is still lost is lost by the package.
package main

import (
	"encoding/gob"
	"encoding/json"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"

	"github.com/astaxie/beego/session"
)

const historyLimit = 15 // messages kept per session: the newest

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// server has the handlers.
type server struct {
	sessions *session.Manager
	changes  sync.Mutex // held from the load to the save of a session
}

func main() {
	port := flag.Int("port", 8000, "port on 127.0.0.1")
	flag.Parse()
	dir, err := os.MkdirTemp("", "sessbench-beego-")
	if err != nil {
		log.Fatal(err)
	}
	gob.Register([]message{}) // for the files
	sessions, err := session.NewManager("file", &session.ManagerConfig{
		CookieName: "session", EnableSetCookie: true, Gclifetime: 3600, Maxlifetime: 3600, ProviderConfig: dir,
	})
	if err != nil {
		log.Fatal(err)
	}
	s := &server{sessions: sessions}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, struct{}{}) })
	mux.HandleFunc("POST /sessions", s.create)
	mux.HandleFunc("POST /messages", s.add)
	mux.HandleFunc("GET /messages", s.history)
	mux.HandleFunc("DELETE /sessions", s.remove)
	log.Fatal(http.ListenAndServe(net.JoinHostPort("127.0.0.1", strconv.Itoa(*port)), mux))
}

func (s *server) create(w http.ResponseWriter, r *http.Request) {
	s.changes.Lock()
	defer s.changes.Unlock()
	if store := s.start(w, r); store != nil {
		s.save(w, store, []message{})
	}
}

func (s *server) add(w http.ResponseWriter, r *http.Request) {
	s.changes.Lock()
	defer s.changes.Unlock()
	var m message
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if store, all := s.existing(w, r); store != nil {
		all = append(all, m)
		s.save(w, store, all[max(0, len(all)-historyLimit):])
	}
}

func (s *server) history(w http.ResponseWriter, r *http.Request) {
	if store, all := s.existing(w, r); store != nil {
		answer(w, http.StatusOK, map[string]any{"messages": append([]message{}, all...)}) // [] where all is nil, as decoded
	}
}

func (s *server) remove(w http.ResponseWriter, r *http.Request) {
	s.changes.Lock()
	defer s.changes.Unlock()
	if store, _ := s.existing(w, r); store != nil {
		s.sessions.SessionDestroy(w, r)
		w.WriteHeader(http.StatusNoContent)
	}
}

// start returns the request's session, a new one if it has none. Where that fails, it has answered and returns nil.
func (s *server) start(w http.ResponseWriter, r *http.Request) session.Store {
	store, err := s.sessions.SessionStart(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return nil
	}
	return store
}

// existing returns the request's session and its messages. Without a session that was created it has answered and returns nil.
func (s *server) existing(w http.ResponseWriter, r *http.Request) (session.Store, []message) {
	store := s.start(w, r)
	if store == nil {
		return nil, nil
	}
	all, ok := store.Get("messages").([]message)
	if !ok {
		answer(w, http.StatusNotFound, map[string]string{"error": "no session"})
		return nil, nil
	}
	return store, all
}

func (s *server) save(w http.ResponseWriter, store session.Store, all []message) {
	_ = store.Set("messages", all) // of the file store: always nil
	store.SessionRelease(w)
	answer(w, http.StatusCreated, struct{}{})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone
}
