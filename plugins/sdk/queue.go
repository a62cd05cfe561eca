package sdk

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"google.golang.org/protobuf/proto"
)

const (
	maxQueued = 8 << 10        // messages that wait for the stream at a time
	maxItem   = MaxMessage - 8 // bytes of one of them: it and its frame fit into a message of the stream
)

var (
	errQueueFull = errors.New("too many messages wait for the stream")
	errTooLarge  = errors.New("the message is larger than 1 MiB")
)

// queue is what waits to be sent on a stream. Whoever puts something in never
// waits; the one who sends takes all that came meanwhile at once.
type queue[M proto.Message] struct {
	filled chan struct{} // told when there is something

	mu    sync.Mutex
	items []M
}

func newQueue[M proto.Message]() *queue[M] { return &queue[M]{filled: make(chan struct{}, 1)} }

// put adds a message.
func (q *queue[M]) put(m M) error {
	if proto.Size(m) > maxItem {
		return errTooLarge
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == maxQueued {
		return errQueueFull
	}
	q.items = append(q.items, m)
	if len(q.items) == 1 {
		q.tell()
	}
	return nil
}

// take waits for messages and returns as many as fit into one of the stream's;
// none when ctx ends.
func (q *queue[M]) take(ctx context.Context) []M {
	select {
	case <-q.filled:
	case <-ctx.Done():
		return nil
	}
	runtime.Gosched() // whoever is about to put something in goes first: 3 to 8 % of a login
	q.mu.Lock()
	defer q.mu.Unlock()
	n := fitting(q.items)
	taken := q.items[:n:n]
	if q.items = q.items[n:]; len(q.items) > 0 {
		q.tell()
	} else {
		q.items = nil
	}
	return taken
}

func (q *queue[M]) tell() {
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

// fitting returns how many of the messages fit into one of the stream's, at least one.
func fitting[M proto.Message](items []M) int {
	size := 0
	for i, m := range items {
		if size += proto.Size(m) + MaxMessage - maxItem; size > MaxMessage && i > 0 {
			return i
		}
	}
	return len(items)
}
