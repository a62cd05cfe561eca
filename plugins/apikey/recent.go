package apikey

import "sync"

// recent remembers the values that were put in last: at least half of limit, at
// most limit. Putting one in takes the same time however full it is, so that
// nobody slows it down by filling it.
type recent[K comparable, V any] struct {
	limit int

	mu         sync.RWMutex
	young, old map[K]V
}

func newRecent[K comparable, V any](limit int) *recent[K, V] {
	return &recent[K, V]{limit: limit, young: map[K]V{}}
}

func (r *recent[K, V]) get(key K) (V, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	v, ok := r.young[key]
	if !ok {
		v, ok = r.old[key]
	}
	return v, ok
}

func (r *recent[K, V]) put(key K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.young[key]; !ok && len(r.young) >= max(r.limit/2, 1) {
		r.old, r.young = r.young, map[K]V{}
	}
	r.young[key] = v
}

// drop forgets a value.
func (r *recent[K, V]) drop(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.young, key)
	delete(r.old, key)
}

// len is how many values there are, those that are there twice counted twice.
func (r *recent[K, V]) len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.young) + len(r.old)
}
