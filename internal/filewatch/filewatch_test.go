package filewatch

import (
	"os"
	"path/filepath"
	"testing"
)

// TestDue: what happens to two files from one look to the next, and what the look
// says of it: whether they are to be read, and whether it is the second time for the
// same change.
func TestDue(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	write := func(path, text string) {
		t.Helper()
		err := os.WriteFile(path+".new", []byte(text), 0o600)
		if err == nil {
			err = os.Rename(path+".new", path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write(one, "1")
	var w Watch
	w.Begin(one, two)
	for _, tt := range []struct {
		says        string
		change      func()
		read, again bool
	}{
		{"nothing since they were read", func() {}, false, false},
		{"one is replaced by another of its size", func() { write(one, "2") }, true, false},
		{"the look after that confirms it", func() {}, true, true},
		{"and is enough", func() {}, false, false},
		{"the other appears", func() { write(two, "2") }, true, false},
		{"and changes before it is confirmed", func() { write(two, "22") }, true, false},
		{"which confirms the last change", func() {}, true, true},
		{"both are gone", func() { os.Remove(one); os.Remove(two) }, true, false},
		{"a reader asks for another look", func() { w.Again() }, true, true},
		{"nothing more", func() {}, false, false},
	} {
		tt.change()
		if read, again := w.Due(); read != tt.read || again != tt.again {
			t.Errorf("%s: read %t, again %t, want %t and %t", tt.says, read, again, tt.read, tt.again)
		}
		if !w.confirm && !w.AsSeen() {
			t.Errorf("%s: they are not as they were seen", tt.says)
		}
	}
	if w.There() {
		t.Error("files that are gone are there")
	}
	if write(two, "3"); !w.There() || w.AsSeen() {
		t.Error("one that has come is not there, or as it was")
	}
}

// TestOf: files that were not looked at are read by the first look.
func TestOf(t *testing.T) {
	w := Of(filepath.Join(t.TempDir(), "none"))
	if read, again := w.Due(); !read || again {
		t.Errorf("read %t, again %t, want the first reading", read, again)
	}
}
