package origin

import (
	"fmt"
	"io"
	"net/http"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// stream answers for a file that is not to be held in memory.
func (d *Directory) stream(name string) Answer {
	return Answer{Stream: &stream{d, name}}
}

// stream serves one file from the disk. Each request looks for it anew, and its
// head and its body are of one and the same open file.
type stream struct {
	dir  *Directory
	name string
}

// sniffLength is what [http.DetectContentType] looks at.
const sniffLength = 512

// busy is the answer if no further file can be opened. A second is what a
// client can't wait less for; how long the others read, no number describes.
var busy = Page(http.StatusServiceUnavailable, hpack.Field{Name: "retry-after", Value: "1"})

// ServeHTTP answers GET and HEAD. Of a file that grows meanwhile it sends what
// was there at the start.
func (s *stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var file *openFile
	err := s.dir.in(func(t *tree) (err error) {
		file, err = s.dir.files.open(r.Context(), t, s.name)
		return err
	})
	if err != nil {
		s.fail(w, r, "opening", err)
		return
	}
	defer s.dir.files.close(file)
	seen, err := see(file)
	if err != nil {
		s.fail(w, r, "opening", err)
		return
	}
	s.dir.future.remember(s.name, seen)
	content := io.NewSectionReader(file, 0, seen.info.Size())
	start := make([]byte, min(sniffLength, content.Size()))
	if _, err := content.ReadAt(start, 0); err != nil && err != io.EOF {
		s.fail(w, r, "reading the start of", err)
		return
	}
	head := message.New(http.StatusOK, fileFields(s.name, start), nil, seen.tag(), seen.lastModified())
	head.StrongDate = seen.settled()
	ServeContent(w, r, head, content)
}

// fail answers for a file that cannot be streamed.
func (s *stream) fail(w http.ResponseWriter, r *http.Request, doing string, err error) {
	switch {
	case s.dir.absent(err):
		Send(w, r, notFound.Response)
		return
	case r.Context().Err() != nil:
		Send(w, r, busy) // the client left
		return
	}
	s.dir.report("streaming a file", fmt.Errorf("%s %q: %w", doing, s.name, err))
	if outOfFiles(err) {
		Send(w, r, busy)
		return
	}
	Send(w, r, Page(http.StatusInternalServerError))
}
