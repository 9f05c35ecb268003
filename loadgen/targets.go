package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// maxTargets bounds the text of targets, in bytes: a million of them; what is
// larger is another file, or a device without an end.
const maxTargets = 64 << 20

// maxCount bounds how many targets that text may have: each takes about a kilobyte
// once it is prepared.
const maxCount = 1_000_000

// maxContents bounds what the files that targets name have, in bytes, as each target
// holds its own.
const maxContents = 1 << 30

// maxBody bounds the content that targets share, in bytes.
const maxBody = 64 << 20

// readTargets reads what is to be asked for. vegeta's targeters read its formats
// and add the body and the headers that every request has.
func (o *options) readTargets(ctx context.Context, stdin io.Reader) ([]vegeta.Target, error) {
	body, err := o.readBody(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case o.target != "" && o.targets != "":
		return nil, errors.New("-target is one URL, -targets a file of them: one of the two")
	case o.target != "":
		return []vegeta.Target{{Method: o.method, URL: o.target, Body: body, Header: o.headers}}, nil
	case o.targets == "":
		return nil, errors.New("nothing to ask for: -target URL or -targets FILE is needed")
	case o.lazy:
		if o.reader, err = o.openLazily(ctx, stdin, body); err != nil {
			return nil, err
		}
		return []vegeta.Target{o.reader.first}, nil
	}
	src := stdin
	if o.targets != "-" {
		f, err := open(ctx, o.targets)
		if err != nil {
			return nil, fmt.Errorf("-targets: %w", err)
		}
		defer f.Close()
		src = f
	}
	// Also the files that targets name may be on a disk that does not answer.
	return patiently(ctx, func() ([]vegeta.Target, error) { return o.readAll(ctx, src, body, maxCount) })
}

// readAll reads targets up to their end, most of them at most.
func (o *options) readAll(ctx context.Context, src io.Reader, body []byte, most int) ([]vegeta.Target, error) {
	text, err := io.ReadAll(io.LimitReader(src, maxTargets+1))
	if err != nil {
		return nil, fmt.Errorf("-targets: %w", err)
	}
	if len(text) > maxTargets {
		return nil, fmt.Errorf("-targets %s: is larger than 64 MiB, as much as is allowed%s", o.targets, o.lazyHint())
	}
	var targeter vegeta.Targeter
	switch o.format {
	case vegeta.HTTPTargetFormat:
		// Its scanner ends in silence at a line that is longer.
		for n, line := range bytes.Split(text, []byte("\n")) {
			if len(line) >= bufio.MaxScanTokenSize {
				return nil, fmt.Errorf("-targets %s: line %d has %d bytes: allowed are less than %d", o.targets, n+1, len(line), bufio.MaxScanTokenSize)
			}
			if err := contentFile(line); err != nil {
				return nil, fmt.Errorf("-targets %s: line %d: %w", o.targets, n+1, err)
			}
		}
		targeter = vegeta.NewHTTPTargeter(bytes.NewReader(text), body, o.headers)
	case vegeta.JSONTargetFormat:
		// It drops a last line without an end.
		targeter = vegeta.NewJSONTargeter(bytes.NewReader(append(bytes.TrimSpace(text), '\n')), body, o.headers)
	default:
		return nil, wrongFormat(o.format)
	}
	var targets []vegeta.Target
	contents := contents(0)
	for {
		if ctx.Err() != nil {
			return nil, errInterrupted
		}
		var t vegeta.Target
		err := targeter(&t)
		switch {
		case errors.Is(err, vegeta.ErrNoTargets) && len(targets) == 0:
			return nil, fmt.Errorf("-targets %s: no target in it", o.targets)
		case errors.Is(err, vegeta.ErrNoTargets):
			return targets, nil
		case err != nil:
			return nil, fmt.Errorf("-targets %s: target %d: %w", o.targets, len(targets)+1, err)
		case len(targets) == most:
			return nil, fmt.Errorf("-targets %s: there are more than %d, as many as are allowed%s", o.targets, most, o.lazyHint())
		}
		if contents.add(t.Body, body); contents > maxContents {
			return nil, fmt.Errorf("-targets %s: target %d: with it the targets have more than 1 GiB of content, as much as is allowed%s", o.targets, len(targets)+1, o.lazyHint())
		}
		targets = append(targets, t)
	}
}

// readBody reads what -body names, which may be a pipe; nil: it names nothing.
func (o *options) readBody(ctx context.Context) ([]byte, error) {
	if o.body == "" {
		return nil, nil
	}
	f, err := open(ctx, o.body)
	if err != nil {
		return nil, fmt.Errorf("-body: %w", err)
	}
	defer f.Close()
	body, err := patiently(ctx, func() ([]byte, error) { return readUpTo(f, maxBody) })
	switch {
	case errors.Is(err, errInterrupted):
		return nil, errors.New("-body: nothing was sent: interrupted while it was read")
	case err != nil:
		return nil, fmt.Errorf("-body %s: %w", o.body, err)
	}
	return body, nil
}

// readUpTo reads all that there is, if it is not more than so many bytes.
func readUpTo(r io.Reader, most int64) ([]byte, error) {
	var b bytes.Buffer // it doubles, which io.ReadAll does not: seconds, for this much
	if _, err := b.ReadFrom(io.LimitReader(r, most+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > most {
		return nil, fmt.Errorf("it has more than %d bytes, as many as are allowed", most)
	}
	return b.Bytes(), nil
}

// contentFile returns why vegeta's targeter is not to read the file that a line of
// targets names as a content, if it does: it reads all of it, however long that takes
// and however much it is.
func contentFile(line []byte) error {
	line, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("@"))
	if !ok {
		return nil
	}
	name := string(line)
	switch info, err := os.Stat(name); {
	case err != nil:
		return nil // vegeta says it
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file: the content of a target is one", name)
	case info.Size() > maxContents:
		return fmt.Errorf("%s has %d bytes: allowed are %d", name, info.Size(), maxContents)
	}
	return nil
}

// contents is how much the contents of targets hold of memory, in bytes.
type contents int

// add adds a target's content, unless it is that of -body, which they share.
func (c *contents) add(content, shared []byte) {
	if len(content) == 0 || len(shared) > 0 && &content[0] == &shared[0] {
		return
	}
	*c += contents(len(content))
}

// lazyHint is what to do about more targets than are read at once; capacity sends
// them again and again.
func (o *options) lazyHint() string {
	if o.probe > 0 {
		return ""
	}
	return " (-lazy reads targets while they are sent)"
}

// errInterrupted is that a signal came before what is to be sent.
var errInterrupted = errors.New("nothing was sent: interrupted while targets were read")

func wrongFormat(format string) error {
	return fmt.Errorf("-format %q: allowed are %s and %s", format, vegeta.HTTPTargetFormat, vegeta.JSONTargetFormat)
}

// patiently is what a function returns that may wait for ever, as for a named pipe that
// has no writer: if ctx ends before, it is errInterrupted, and the function is left
// behind, as the process is about to end.
func patiently[T any](ctx context.Context, wait func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	ended := make(chan result, 1)
	go func() {
		value, err := wait()
		ended <- result{value, err}
	}()
	select {
	case r := <-ended:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, errInterrupted
	}
}

// open opens a file, or returns when ctx ends.
func open(ctx context.Context, name string) (*os.File, error) {
	return patiently(ctx, func() (*os.File, error) { return os.Open(name) })
}
