package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// files are what reports are written to, by name. They are opened before an
// attack, so that a name which cannot be written does not cost one, and keep what
// is in them until there is something new. The name - is the standard output.
type files map[string]*os.File

// openFiles opens those that were asked for: names that are not empty.
func openFiles(out *os.File, names ...string) (files, error) {
	all := make(files)
	for _, name := range names {
		if name == "" {
			continue
		}
		if name == standard {
			all[name] = out
			continue
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
		if err != nil {
			return nil, usageError{fmt.Errorf("a report: %w", err)}
		}
		all[name] = f
	}
	return all, nil
}

// write writes a file, if one was asked for, and closes it.
func (f files) write(name string, write func(io.Writer) error) error {
	file := f[name]
	if file == nil {
		return nil
	}
	if name == standard {
		if err := write(file); err != nil {
			return fmt.Errorf("writing to the standard output: %w", err)
		}
		return nil
	}
	_ = file.Truncate(0) // a pipe or a device has nothing to lose
	err := write(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
