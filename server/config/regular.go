package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// ReadRegular reads a regular file of at most maxFile bytes. A pipe, which would
// be waited for, and a device, which may have no end, are errors, as is a
// directory. A symbolic link is followed.
func ReadRegular(name string) ([]byte, error) {
	info, err := os.Stat(name) // before it is opened: a pipe waits for its writer then
	if err != nil {
		return nil, err
	}
	if err := wantRegular(info); err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if err := wantRegular(info); err != nil {
		return nil, err // it was replaced meanwhile
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, errFileTooLarge
	}
	return data, nil
}

func wantRegular(info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return errors.New("is a directory")
	case !info.Mode().IsRegular():
		return errors.New("is not a regular file")
	}
	return nil
}
