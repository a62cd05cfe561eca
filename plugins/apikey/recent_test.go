package apikey

import "testing"

func TestWhatWasPutInLastIsRemembered(t *testing.T) {
	const limit = 100
	r := newRecent[int, int](limit)
	for i := range 10 * limit {
		r.put(i, -i)
		if n := r.len(); n > limit {
			t.Fatalf("%d values are remembered, more than %d", n, limit)
		}
		for k := max(0, i-limit/2+1); k <= i; k++ {
			if v, ok := r.get(k); !ok || v != -k {
				t.Fatalf("after %d the value of %d is %d, %t", i, k, v, ok)
			}
		}
	}
	if _, ok := r.get(0); ok {
		t.Error("the first of a thousand is remembered")
	}
	r.put(10*limit-1, 7)
	r.drop(10*limit - 1)
	if _, ok := r.get(10*limit - 1); ok {
		t.Error("what was dropped is remembered")
	}
}
