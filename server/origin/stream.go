package origin

import (
	"fmt"
	"io"
	"net/http"

	"github.com/e0ac7cd4/hotpath/server/message"
)

// stream answers for a file that is not to be held in memory.
func (d *Directory) stream(name string) Answer {
	return Answer{Stream: &stream{d, name}}
}

// stream serves one file from the disk. Each request opens it anew, so that
// its head and its body are of one and the same file.
type stream struct {
	dir  *Directory
	name string
}

// sniffLength is what [http.DetectContentType] looks at.
const sniffLength = 512

// ServeHTTP answers GET and HEAD. Of a file that grows meanwhile it sends what
// was there at the start.
func (s *stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, seen, err := s.dir.open(s.name)
	if err != nil {
		answer, err := s.dir.failed("opening", s.name, err)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		Send(w, r, answer.Response)
		return
	}
	defer file.Close()
	content := io.NewSectionReader(file, 0, seen.info.Size())
	start := make([]byte, min(sniffLength, content.Size()))
	if _, err := content.ReadAt(start, 0); err != nil && err != io.EOF {
		s.fail(w, r, fmt.Errorf("reading the start of %q: %w", s.name, err))
		return
	}
	head := message.New(http.StatusOK, fileFields(s.name, start), nil, seen.tag(), seen.lastModified())
	head.StrongDate = seen.settled()
	ServeContent(w, r, head, content)
}

func (s *stream) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.dir.log.Error("streaming a file", "err", err)
	Send(w, r, Page(http.StatusInternalServerError))
}

// tag is the entity tag of a file whose content is not read.
func (s *sighting) tag() string {
	tag := fmt.Sprintf(`"%x-%x"`, s.info.Size(), s.info.ModTime().UnixNano())
	if !s.settled() {
		return "W/" + tag
	}
	return tag
}
