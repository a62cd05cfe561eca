package jwks

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
)

// A MemoryStore is a [Store] in memory, for tests and for programs that need
// no key to outlive them. The zero value is empty and ready. It must not be
// copied after use.
type MemoryStore struct {
	mu   sync.Mutex
	sets map[string]memorySet
}

type memorySet struct {
	keys    []Key
	version int64
}

// Keys returns a copy of the issuer's set.
func (m *MemoryStore) Keys(ctx context.Context, issuer string) ([]Key, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, fmt.Errorf("read keys: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	set := m.sets[issuer]
	return cloneKeys(set.keys), set.version, nil
}

// UpdateKeys replaces the issuer's set with a copy of keys.
func (m *MemoryStore) UpdateKeys(ctx context.Context, issuer string, version int64, keys []Key) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("update keys: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sets[issuer].version != version {
		return fmt.Errorf("update keys: %w", ErrConflict)
	}
	if m.sets == nil {
		m.sets = make(map[string]memorySet)
	}
	m.sets[issuer] = memorySet{cloneKeys(keys), version + 1}
	return nil
}

func cloneKeys(keys []Key) []Key {
	keys = slices.Clone(keys)
	for i := range keys {
		keys[i].Public = bytes.Clone(keys[i].Public)
		keys[i].Sealed = bytes.Clone(keys[i].Sealed)
	}
	return keys
}
