package server

import (
	"bytes"
	"net/http"
)

// answer remembers the status of an answer, and can hold it back as a whole.
type answer struct {
	http.ResponseWriter
	code int
	held bool
	body bytes.Buffer // while held
	id   [1]string    // of the request, as a header has it
}

// identify tells the caller what the event is found by.
func (a *answer) identify(id string) {
	a.id[0] = id
	a.Header()["X-Request-Id"] = a.id[:]
}

func (a *answer) WriteHeader(code int) {
	if a.code == 0 {
		a.code = code
	}
	if !a.held {
		a.ResponseWriter.WriteHeader(code)
	}
}

func (a *answer) Write(b []byte) (int, error) {
	if a.code == 0 {
		a.code = http.StatusOK
	}
	if a.held {
		return a.body.Write(b)
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController, and MaxBytesReader through it.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// reset drops an answer that is held.
func (a *answer) reset() {
	clear(a.Header())
	a.identify(a.id[0])
	a.code = 0
	a.body.Reset()
}

// unavailable is a refusal as the OAuth endpoints write it.
func (a *answer) unavailable() {
	h := a.Header()
	h.Set("Content-Type", "application/json;charset=UTF-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Retry-After", "1")
	a.code = http.StatusServiceUnavailable
	a.body.WriteString(`{"error":"temporarily_unavailable","error_description":"the server cannot answer at the moment; try again"}`)
}

// release sends an answer that is held.
func (a *answer) release() {
	if !a.held {
		return
	}
	a.held = false
	if a.code != 0 {
		a.ResponseWriter.WriteHeader(a.code)
	}
	a.ResponseWriter.Write(a.body.Bytes())
}
