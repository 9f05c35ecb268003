package origin

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"
)

// tornFile is a file that is written to while it is read: after its
// content was read, it looks as after says.
type tornFile struct {
	io.Reader
	after fs.FileInfo
}

func (f tornFile) Stat() (fs.FileInfo, error) {
	if f.after == nil {
		return nil, fs.ErrInvalid
	}
	return f.after, nil
}

func TestReadSettled(t *testing.T) {
	d, root := newDirectory(t, DirectoryConfig{})
	look := func(name, content string, modified time.Time) fs.FileInfo {
		write(t, root+"/"+name, content, modified)
		info, err := d.root.tree.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	other := look("other", "content", long)
	later := look("file", "content", long.Add(time.Minute))
	larger := look("file", "content and more", long)
	before := look("file", "content", long)
	for _, c := range []struct {
		name string
		file tornFile
		want error
	}{
		{"at rest", tornFile{strings.NewReader("content"), before}, nil},
		{"grew, was read up to its old size", tornFile{strings.NewReader("content and more"), larger}, errUnsettled},
		{"written over", tornFile{strings.NewReader("contENT"), later}, errUnsettled},
		{"another file", tornFile{strings.NewReader("content"), other}, errUnsettled},
		{"shrank", tornFile{strings.NewReader("cont"), before}, errUnsettled},
		{"emptied", tornFile{strings.NewReader(""), before}, errUnsettled},
		{"unreadable", tornFile{io.MultiReader(strings.NewReader("c"), broken{}), before}, fs.ErrPermission},
		{"cannot be looked at", tornFile{strings.NewReader("content"), nil}, fs.ErrInvalid},
	} {
		body, err := readSettled(c.file, &sighting{info: before})
		if !errors.Is(err, c.want) || err == nil && string(body) != "content" {
			t.Errorf("%s: %q, %v, want %v", c.name, body, err, c.want)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, fs.ErrPermission }

// TestDirectoryGrowsBeforeRead: a file that outgrew its permit between the
// look and the read is streamed.
func TestDirectoryGrowsBeforeRead(t *testing.T) {
	d, root := newDirectory(t, DirectoryConfig{})
	write(t, root+"/file", "content", long)
	if _, _, err := d.read(d.root.tree, "file", 3); !errors.Is(err, errUnsettled) {
		t.Errorf("reading 7 bytes with a permit for 3: %v", err)
	}
}
