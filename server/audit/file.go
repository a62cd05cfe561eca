package audit

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// File is a file that lines are appended to, and that may be moved away
// meanwhile.
type File struct {
	path string

	mu   sync.Mutex
	file *os.File
	torn bool // the last line is not whole
}

// OpenFile opens a file, or makes it for its owner alone.
func OpenFile(path string) (*File, error) {
	f := &File{path: path}
	if err := f.Reopen(); err != nil {
		return nil, err
	}
	return f, nil
}

// Reopen opens the file at the path anew: after it was moved away, a new one.
// If that fails, lines go where they went.
func (f *File) Reopen() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reopen()
}

func (f *File) reopen() error {
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open events: %w", err)
	}
	if f.file != nil {
		f.file.Close()
	}
	f.file, f.torn = file, false
	return nil
}

// Write appends a line. One that cannot be written is tried once more on a file
// opened anew.
func (f *File) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.append(line)
	if err == nil {
		return n, nil
	}
	if again := f.reopen(); again != nil {
		return n, errors.Join(err, again)
	}
	f.torn = n > 0
	return f.append(line)
}

// append writes a line, on a line of its own.
func (f *File) append(line []byte) (int, error) {
	if f.torn {
		if _, err := f.file.Write([]byte("\n")); err != nil {
			return 0, err
		}
		f.torn = false
	}
	n, err := f.file.Write(line)
	f.torn = err != nil && n > 0
	return n, err
}

// Close closes the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.file.Close()
}
