package config

import "errors"

const (
	// maxPage is how large the page of an error is, in bytes: an error is answered
	// from memory, and a page of more would cost more than what it stands in for.
	maxPage = 64 << 10

	// MaxPages is how large all pages of a configuration are together, in bytes:
	// 128 of the largest, thousands of usual ones.
	MaxPages = 8 << 20
)

const wantPage = "a file of at most 64 KiB, and of all pages together 8 MiB"

var (
	errPageTooLarge  = errors.New("is larger than 64 KiB")
	errPagesTooLarge = errors.New("makes all pages together larger than 8 MiB")
)

// Pages reads the pages of errors and of maintenance of a configuration, each file
// once, whichever sites and statuses have it. The zero Pages has read none.
type Pages struct {
	files map[string][]byte
	size  int // in bytes, of all that were read
}

// Read returns the content of a page.
func (p *Pages) Read(name string) ([]byte, error) {
	if text, ok := p.files[name]; ok {
		return text, nil
	}
	text, err := ReadRegular(name)
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxPage:
		return nil, errPageTooLarge
	case p.size+len(text) > MaxPages:
		return nil, errPagesTooLarge
	}
	if p.files == nil {
		p.files = make(map[string][]byte)
	}
	p.files[name] = text
	p.size += len(text)
	return text, nil
}

// HasPages reports whether there are pages to be read.
func (c *Config) HasPages() bool {
	for i := range c.Sites {
		if s := &c.Sites[i]; len(s.Errors.Pages) > 0 || s.Maintenance.Page != "" {
			return true
		}
	}
	return false
}
