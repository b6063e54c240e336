// Scs is a chat whose messages are in a session of github.com/alexedwards/scs, in its store in memory.
//
// The middleware LoadAndSave loads the whole session when a request begins and saves it when the request ends.
package main

import (
	"encoding/gob"
	"encoding/json"
	"flag"
	"hash/fnv"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
)

const historyLimit = 15 // messages kept per session: the newest

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// server has the handlers. Each finds the session of its request in the request's context.
type server struct {
	sessions *scs.SessionManager
	work     time.Duration // between the read and the write of a session
}

func main() {
	port := flag.Int("port", 8000, "port on 127.0.0.1")
	work := flag.Duration("work", time.Millisecond, "time between the read and the write of a session")
	lock := flag.Bool("lock", false, "let the requests of a session wait for each other")
	flag.Parse()

	gob.Register([]message{}) // for the codec of scs
	s := &server{sessions: scs.New(), work: *work}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sessions", s.create)
	mux.HandleFunc("POST /messages", s.existing(s.add))
	mux.HandleFunc("GET /messages", s.existing(s.history))
	mux.HandleFunc("DELETE /sessions", s.existing(s.destroy))
	handler := s.sessions.LoadAndSave(mux)
	if *lock {
		handler = oneAtATime(s.sessions.Cookie.Name, handler)
	}

	root := http.NewServeMux()
	root.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, struct{}{}) })
	root.Handle("/", handler)
	log.Fatal(http.ListenAndServe(net.JoinHostPort("127.0.0.1", strconv.Itoa(*port)), root))
}

// oneAtATime serves requests with the same cookie one after the other. The locks are striped: two sessions may share one, but a
// session never changes its lock. This suffices for one process.
func oneAtATime(cookie string, next http.Handler) http.Handler {
	var locks [1024]sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie(cookie); err == nil {
			h := fnv.New32a()
			_, _ = h.Write([]byte(c.Value)) // never fails
			l := &locks[h.Sum32()%uint32(len(locks))]
			l.Lock()
			defer l.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

// existing answers 404 where there is no session.
func (s *server) existing(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.sessions.Exists(r.Context(), "messages") {
			answer(w, http.StatusNotFound, map[string]string{"error": "no session"})
			return
		}
		next(w, r)
	}
}

// messages returns the session's messages. They are shared with nothing: the session was decoded for this request.
func (s *server) messages(r *http.Request) []message {
	m, _ := s.sessions.Get(r.Context(), "messages").([]message)
	if m == nil { // what an empty list is decoded to, and would be null in JSON
		m = []message{}
	}
	return m
}

func (s *server) create(w http.ResponseWriter, r *http.Request) {
	s.sessions.Put(r.Context(), "messages", []message{})
	answer(w, http.StatusCreated, struct{}{})
}

func (s *server) add(w http.ResponseWriter, r *http.Request) {
	var m message
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	all := s.messages(r)
	time.Sleep(s.work) // like a call of a language model
	all = append(all, m)
	s.sessions.Put(r.Context(), "messages", all[max(0, len(all)-historyLimit):])
	answer(w, http.StatusCreated, struct{}{})
}

func (s *server) history(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, map[string][]message{"messages": s.messages(r)})
}

func (s *server) destroy(w http.ResponseWriter, r *http.Request) {
	if err := s.sessions.Destroy(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone
}
