package sdk

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/claimsmith/claimsmith/plugins/sdk/internal/pluginpb"
)

// asker is the host's end of a stream of questions. It ends with the connection.
type asker struct {
	stream    grpc.BidiStreamingClient[pluginpb.Questions, pluginpb.Answers]
	questions *queue[*pluginpb.Question]
	ended     chan struct{} // closed when no answer comes any more
	cause     error         // why; set before

	mu      sync.Mutex
	last    uint64 // id that was given
	waiting map[uint64]chan<- *pluginpb.Outcome
}

func newAsker(stream grpc.BidiStreamingClient[pluginpb.Questions, pluginpb.Answers]) *asker {
	a := &asker{
		stream:    stream,
		questions: newQueue[*pluginpb.Question](),
		ended:     make(chan struct{}),
		waiting:   map[uint64]chan<- *pluginpb.Outcome{},
	}
	go a.send()
	go a.receive()
	return a
}

// alive is whether there may be answers.
func (a *asker) alive() bool {
	select {
	case <-a.ended:
		return false
	default:
		return true
	}
}

// ask asks and waits for the answer. Its errors are gRPC's, and ctx's.
func (a *asker) ask(ctx context.Context, r *pluginpb.AuthenticateRequest) (*pluginpb.Outcome, error) {
	q := &pluginpb.Question{Request: r, Traceparent: outgoingTraceparent(ctx)}
	if deadline, ok := ctx.Deadline(); ok {
		q.TimeoutUs = max(1, time.Until(deadline).Microseconds())
	}
	answer := make(chan *pluginpb.Outcome, 1)
	q.Id = a.expect(answer)
	if err := a.questions.put(q); err != nil {
		a.forget(q.Id)
		return nil, err
	}
	select {
	case out := <-answer:
		return out, nil
	case <-ctx.Done():
		if a.forget(q.Id) {
			_ = a.questions.put(&pluginpb.Question{Id: q.Id}) // if it cannot be told, it will time out
		}
		return nil, ctx.Err()
	case <-a.ended:
		if !a.forget(q.Id) {
			return <-answer, nil // it came before the end
		}
		return nil, a.cause
	}
}

// expect returns the id of a question whose answer is awaited.
func (a *asker) expect(answer chan<- *pluginpb.Outcome) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last++
	a.waiting[a.last] = answer
	return a.last
}

// forget is for an answer that nobody awaits any more. It is false if it has come.
func (a *asker) forget(id uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.waiting[id]
	delete(a.waiting, id)
	return ok
}

func (a *asker) send() {
	for {
		questions := a.questions.take(a.stream.Context())
		if questions == nil || a.stream.Send(&pluginpb.Questions{Questions: questions}) != nil {
			return // receive learns why
		}
	}
}

func (a *asker) receive() {
	for {
		m, err := a.stream.Recv()
		if err != nil {
			a.cause = err
			close(a.ended)
			return
		}
		a.hand(m.GetAnswers())
	}
}

// hand gives answers to those who wait for them.
func (a *asker) hand(answers []*pluginpb.Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range answers {
		if answer, ok := a.waiting[m.GetId()]; ok {
			delete(a.waiting, m.GetId())
			answer <- m.GetOutcome()
		}
	}
}

// outgoingTraceparent returns what a unary call would send as metadata.
func outgoingTraceparent(ctx context.Context) string {
	m, _ := metadata.FromOutgoingContext(ctx)
	if values := m.Get("traceparent"); len(values) == 1 {
		return values[0]
	}
	return ""
}
