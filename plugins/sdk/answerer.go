package sdk

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/claimsmith/claimsmith/plugins/sdk/internal/pluginpb"
)

// maxIdle is how many goroutines wait for the next question, with the stacks
// that the last ones took. A question that finds none gets one of its own.
const maxIdle = 64

// answerer is the plugin's end of a stream of questions.
type answerer struct {
	server  *server
	ctx     context.Context // of the stream
	answers *queue[*pluginpb.Answer]
	asked   chan question // taken by whoever is idle
	idle    atomic.Int32

	mu   sync.Mutex
	open map[uint64]context.CancelFunc
}

// question is one that is being answered.
type question struct {
	ctx     context.Context
	id      uint64
	request *pluginpb.AuthenticateRequest
}

// Stream answers questions, each as Authenticate does, all at the same time.
func (s *server) Stream(stream grpc.BidiStreamingServer[pluginpb.Questions, pluginpb.Answers]) error {
	a := &answerer{
		server:  s,
		ctx:     stream.Context(),
		answers: newQueue[*pluginpb.Answer](),
		asked:   make(chan question),
		open:    map[uint64]context.CancelFunc{},
	}
	go a.send(stream)
	for {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		for _, q := range m.GetQuestions() {
			if q.GetRequest() == nil {
				a.end(q.GetId())
				continue
			}
			a.begin(q)
		}
	}
}

func (a *answerer) send(stream grpc.BidiStreamingServer[pluginpb.Questions, pluginpb.Answers]) {
	for {
		answers := a.answers.take(a.ctx)
		if answers == nil || stream.Send(&pluginpb.Answers{Answers: answers}) != nil {
			return // so does Recv
		}
	}
}

// begin finds a goroutine for a question.
func (a *answerer) begin(m *pluginpb.Question) {
	q := question{id: m.GetId(), request: m.GetRequest()}
	var cancel context.CancelFunc
	if timeout := time.Duration(m.GetTimeoutUs()) * time.Microsecond; timeout > 0 {
		q.ctx, cancel = context.WithTimeout(a.ctx, early(timeout))
	} else {
		q.ctx, cancel = context.WithCancel(a.ctx)
	}
	if m.GetTraceparent() != "" {
		q.ctx = metadata.NewIncomingContext(q.ctx, metadata.MD{"traceparent": {m.GetTraceparent()}})
	}
	a.mu.Lock()
	a.open[q.id] = cancel
	a.mu.Unlock()
	select {
	case a.asked <- q:
	default:
		go a.serve(q)
	}
}

// end ends the context of a question, if there is one: it has been answered, or
// the host does not wait for the answer.
func (a *answerer) end(id uint64) {
	a.mu.Lock()
	cancel := a.open[id]
	delete(a.open, id)
	a.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// serve answers a question and, unless enough others do, waits for the next.
func (a *answerer) serve(q question) {
	for {
		a.answer(q)
		if a.idle.Add(1) > maxIdle {
			a.idle.Add(-1)
			return
		}
		select {
		case q = <-a.asked:
			a.idle.Add(-1)
		case <-a.ctx.Done():
			return
		}
	}
}

func (a *answerer) answer(q question) {
	out := a.server.judge(q.ctx, q.request)
	a.end(q.id)
	if err := a.answers.put(&pluginpb.Answer{Id: q.id, Outcome: out}); err != nil {
		_ = a.answers.put(&pluginpb.Answer{Id: q.id, Outcome: failureToWire(err, "")})
	}
}
