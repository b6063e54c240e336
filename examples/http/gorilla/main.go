// Gorilla is a chat whose messages are in a session of github.com/gorilla/sessions.
//
// A handler gets the whole session, changes it, and saves it. With -store filesystem it is in a file on the server, with
// -store cookie in the cookie itself.
package main

import (
	"encoding/gob"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gorilla/sessions"
)

const (
	historyLimit = 15 // messages kept per session: the newest
	cookie       = "session"
)

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// server has the handlers.
type server struct {
	store sessions.Store
	work  time.Duration // between the read and the write of a session
}

func main() {
	port := flag.Int("port", 8000, "port on 127.0.0.1")
	kind := flag.String("store", "filesystem", "filesystem or cookie")
	dir := flag.String("dir", filepath.Join(os.TempDir(), "sessbench-gorilla"), "directory of -store filesystem; the sessions stay in it")
	work := flag.Duration("work", time.Millisecond, "time between the read and the write of a session")
	flag.Parse()

	gob.Register([]message{}) // for the codec of securecookie
	store, err := open(*kind, *dir)
	if err != nil {
		log.Fatal(err)
	}
	s := &server{store: store, work: *work}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, struct{}{}) })
	mux.HandleFunc("POST /sessions", s.create)
	mux.HandleFunc("POST /messages", s.existing(s.add))
	mux.HandleFunc("GET /messages", s.existing(s.history))
	mux.HandleFunc("DELETE /sessions", s.existing(s.remove))
	log.Fatal(http.ListenAndServe(net.JoinHostPort("127.0.0.1", strconv.Itoa(*port)), mux))
}

func open(kind, dir string) (sessions.Store, error) {
	secret := []byte("not a secret: an example")
	switch kind {
	case "filesystem":
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		store := sessions.NewFilesystemStore(dir, secret)
		store.MaxLength(0) // 4096 bytes do not hold 15 messages
		return store, nil
	case "cookie":
		return sessions.NewCookieStore(secret), nil
	}
	return nil, fmt.Errorf("-store %s: want filesystem or cookie", kind)
}

// existing answers 404 where there is no session.
func (s *server) existing(next func(http.ResponseWriter, *http.Request, *sessions.Session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		session, err := s.store.Get(r, cookie)
		switch {
		case err != nil && !errors.Is(err, os.ErrNotExist):
			http.Error(w, err.Error(), http.StatusInternalServerError)
		case session.IsNew:
			answer(w, http.StatusNotFound, map[string]string{"error": "no session"})
		default:
			next(w, r, session)
		}
	}
}

func (s *server) create(w http.ResponseWriter, r *http.Request) {
	session, _ := s.store.New(r, cookie) // a new one also where the old one cannot be read
	session.Values["messages"] = []message{}
	s.save(w, r, session, http.StatusCreated)
}

func (s *server) add(w http.ResponseWriter, r *http.Request, session *sessions.Session) {
	var m message
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	all, _ := session.Values["messages"].([]message)
	time.Sleep(s.work) // like a call of a language model
	all = append(all, m)
	session.Values["messages"] = all[max(0, len(all)-historyLimit):]
	s.save(w, r, session, http.StatusCreated)
}

func (s *server) history(w http.ResponseWriter, _ *http.Request, session *sessions.Session) {
	all, _ := session.Values["messages"].([]message)
	if all == nil { // what an empty list is decoded to, and would be null in JSON
		all = []message{}
	}
	answer(w, http.StatusOK, map[string]any{"messages": all})
}

func (s *server) remove(w http.ResponseWriter, r *http.Request, session *sessions.Session) {
	session.Options.MaxAge = -1
	s.save(w, r, session, http.StatusOK)
}

// save saves the session and answers with the status.
func (s *server) save(w http.ResponseWriter, r *http.Request, session *sessions.Session, status int) {
	if err := session.Save(r, w); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, status, struct{}{})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone
}
