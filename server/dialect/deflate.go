package dialect

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"sync"
)

// maxInflated bounds the payload of a compressed token, in bytes.
const maxInflated = 64 << 10

var deflaters = sync.Pool{New: func() any { return zlib.NewWriter(nil) }}

// deflate returns a zlib stream of a payload. It is flushed before it is
// closed: readers that stop at the flush have everything, and readers that want
// the final block and the checksum find them.
func deflate(payload []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(payload))
	w := deflaters.Get().(*zlib.Writer)
	defer deflaters.Put(w)
	w.Reset(&out)
	_, err := w.Write(payload)
	if err := errors.Join(err, w.Flush(), w.Close()); err != nil {
		return nil, fmt.Errorf("compress payload: %w", err)
	}
	return out.Bytes(), nil
}

var errInflated = fmt.Errorf("the payload is larger than %d bytes", maxInflated)

// inflate reads a zlib stream, also one that ends after a flush without final
// block and checksum.
func inflate(stream []byte) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(stream))
	if err != nil {
		return nil, fmt.Errorf("inflate payload: %w", err)
	}
	payload, err := io.ReadAll(io.LimitReader(r, maxInflated+1))
	switch {
	case len(payload) > maxInflated:
		return nil, errInflated
	case errors.Is(err, io.ErrUnexpectedEOF) && len(payload) > 0:
		return payload, nil
	case err != nil:
		return nil, fmt.Errorf("inflate payload: %w", err)
	}
	return payload, nil
}
