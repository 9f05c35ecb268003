package origin

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/server/message"
)

//go:embed site
var siteFiles embed.FS

// demoFresh is long because the demo site changes with the binary only.
const demoFresh = time.Hour

// Demo is the built-in site: a few pages that show what hotpath is, and files
// of round sizes below /bench/ to measure with. It is held in memory whole. It
// has no Last-Modified, since no date would be true.
type Demo struct {
	answers map[string]Answer // by key
}

// NewDemo makes the built-in site.
func NewDemo() (*Demo, error) {
	d := &Demo{answers: make(map[string]Answer)}
	err := fs.WalkDir(siteFiles, "site", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := siteFiles.ReadFile(name)
		if err != nil {
			return err
		}
		d.add(strings.TrimPrefix(name, "site"), body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the built-in site: %w", err)
	}
	return d, nil
}

// add puts a file under its key, and the index of a directory under the
// directory's keys too.
func (d *Demo) add(key string, body []byte) {
	d.answers[key] = demoAnswer(key, body)
	if directory, ok := strings.CutSuffix(key, indexName); ok {
		d.answers[directory] = demoAnswer(key, body)
		if directory != "/" {
			d.answers[strings.TrimSuffix(directory, "/")] = redirectTo(directory)
		}
	}
}

// demoAnswer is the answer for one key: the keys of a file share its bytes, and no
// response, which the store counts for the one key that it is stored under.
func demoAnswer(file string, body []byte) Answer {
	return Answer{
		Response: message.New(http.StatusOK, fileFields(file, body), body, contentTag(body), time.Time{}),
		Store:    true,
		Fresh:    demoFresh,
		Stale:    demoFresh,
	}
}

// Fetch implements [Origin].
func (d *Demo) Fetch(_ context.Context, r *Request, sink Sink) error {
	if answer, ok := d.answers[r.Cleaned]; ok {
		return sink.Answer(answer)
	}
	return sink.Answer(notFound)
}
