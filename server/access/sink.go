package access

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// Stdout is the name of the file that is standard output.
const Stdout = "-"

// complainEvery is how often at most an error of writing is logged: a full disk
// fails ten times a second.
const complainEvery = time.Minute

// sink is the file that the log is appended to: O_APPEND, so that what
// truncates it in place (logrotate's copytruncate) leaves no hole. It belongs
// to the writer.
type sink struct {
	name       string
	file       io.WriteCloser // nil: there is no log
	metrics    *metrics.Hotpath
	log        *slog.Logger
	torn       bool      // the file ends in the middle of a line
	complained time.Time // when an error was last logged
	lost       int       // lines since then
}

// open opens the file by its name. Of a named pipe without a reader this is an
// error: without O_NONBLOCK it would wait for a reader.
func (s *sink) open() (err error) {
	if s.name == Stdout {
		s.file = os.Stdout
		return nil
	}
	file, err := os.OpenFile(s.name, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o640)
	if errors.Is(err, syscall.ENXIO) {
		return fmt.Errorf("%w: a named pipe needs a reader first", err)
	}
	if err != nil {
		return err
	}
	s.file = file
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		s.torn = false // else the name may have led to the same file again
	}
	return nil
}

func (s *sink) reopen() {
	if s.file == nil || s.name == Stdout {
		return
	}
	old := s.file
	if err := s.open(); err != nil {
		s.log.Error("the access log cannot be reopened; writing goes on to the old file", "err", err)
		return
	}
	_ = old.Close() // every write to it has returned its error already
	s.log.Info("access log reopened", "file", s.name)
}

func (s *sink) close() {
	if s.file != nil && s.name != Stdout {
		_ = s.file.Close()
	}
}

// write writes lines, each of which ends in a line feed. One that a full disk
// tore is closed before the next one is written.
func (s *sink) write(lines []byte, now time.Time) {
	if s.torn {
		if _, err := s.file.Write([]byte{'\n'}); err != nil {
			s.failed(bytes.Count(lines, []byte{'\n'}), err, now)
			return
		}
		s.torn = false
	}
	n, err := s.file.Write(lines)
	written := bytes.Count(lines[:n], []byte{'\n'})
	s.metrics.AccessLog.Add(0, metrics.LogWritten, uint64(written))
	if err != nil {
		s.torn = n > 0 && lines[n-1] != '\n'
		s.failed(bytes.Count(lines[n:], []byte{'\n'}), err, now)
	}
}

func (s *sink) failed(n int, err error, now time.Time) {
	s.metrics.AccessLog.Add(0, metrics.LogFailed, uint64(n))
	s.lost += n
	if !s.complained.IsZero() && now.Sub(s.complained) < complainEvery {
		return
	}
	s.log.Error("writing the access log", "err", err, "lost", s.lost)
	s.complained, s.lost = now, 0
}
