package slackfake

import "net/http"

// routes returns all that is served: the Web API, the addresses that answer clicks, Socket Mode, and the
// page for people.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/", s.serveAPI)
	mux.HandleFunc("POST /response/{id}", s.serveResponse)
	mux.HandleFunc("GET /socket", s.serveSocket)
	mux.Handle("/", s.pageRoutes())
	return mux
}

// ServeHTTP serves one request as the listener would.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.http.Handler.ServeHTTP(w, r) }
