package dialect

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/claimsmith/claimsmith/server/shape"
)

// answer is an HTTP answer to be filled in with variables.
type answer[V any] struct {
	status  *shape.Shape[V] // nil for the usual one
	headers []header[V]
	body    *shape.Shape[V] // nil for none
	text    *shape.Shape[V] // nil for none
}

type header[V any] struct {
	name  string
	value *shape.Shape[V]
}

// response is an answer that is ready to be sent.
type response struct {
	status  int
	headers http.Header
	body    []byte
}

// render fills in the answer but for its status.
func (a *answer[V]) render(v *V, status int) (*response, error) {
	r := &response{status: status, headers: make(http.Header, len(a.headers)+2)}
	var err error
	r.headers.Set("Cache-Control", "no-store")
	r.headers.Set("Content-Type", "application/json")
	for _, h := range a.headers {
		value, err := renderText(h.value, v)
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", h.name, err)
		}
		r.headers.Set(h.name, value)
	}
	switch {
	case a.body != nil:
		r.body, err = a.body.AppendJSON(make([]byte, 0, 1<<10), v)
	case a.text != nil:
		var text string
		text, err = renderText(a.text, v)
		r.body = []byte(text)
	default:
		r.headers.Del("Content-Type")
	}
	return r, err
}

// statusOf returns the answer's status, usual where it names none.
func (a *answer[V]) statusOf(v *V, usual int) (int, error) {
	if a.status == nil {
		return usual, nil
	}
	text, err := a.status.AppendJSON(make([]byte, 0, 8), v)
	if err != nil {
		return 0, fmt.Errorf("status: %w", err)
	}
	status, err := strconv.Atoi(string(text))
	if err != nil || status < 200 || status > 599 {
		return 0, fmt.Errorf("status: %.32s is none", text)
	}
	return status, nil
}

func renderText[V any](s *shape.Shape[V], v *V) (string, error) {
	var text string
	raw, err := s.AppendJSON(nil, v)
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", fmt.Errorf("a text is wanted, not %.32s", raw)
	}
	return text, nil
}

// write sends the response.
func (r *response) write(w http.ResponseWriter, method string) {
	h := w.Header()
	for name, values := range r.headers {
		h[name] = values
	}
	if r.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	w.WriteHeader(r.status)
	if method != http.MethodHead {
		w.Write(r.body)
	}
}
