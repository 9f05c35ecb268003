package config

import "errors"

// maxPage is how large the page of an error is, in bytes: an error is answered from
// memory, and a page of more would cost more than what it stands in for.
const maxPage = 64 << 10

const wantPage = "a file of at most 64 KiB"

// ReadPage reads the content of an error.
func ReadPage(name string) ([]byte, error) {
	text, err := ReadRegular(name)
	if err == nil && len(text) > maxPage {
		err = errors.New("is larger than 64 KiB")
	}
	return text, err
}
