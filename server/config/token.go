package config

import (
	"errors"
	"strings"
)

// Length of a token, in characters. Sixteen random ones are beyond guessing;
// the upper bound keeps a request's head small.
const (
	minToken = 16
	maxToken = 1024
)

const wantToken = "a file with one line of 16 to 1024 visible ASCII characters"

// AdminToken reads the token that clients of the admin listener must show; ""
// if none is asked for. The error is an [*Error] and never has the token in
// it.
func (c Config) AdminToken() (string, error) {
	if c.AdminTokenFile == "" {
		return "", nil
	}
	token, err := readToken(c.AdminTokenFile)
	if err != nil {
		const key = "admin-token-file"
		return "", &Error{c.at(key), key, c.AdminTokenFile, fileProblem(err), wantToken}
	}
	return token, nil
}

func readToken(name string) (string, error) {
	data, err := ReadRegular(name)
	if err != nil {
		return "", err
	}
	token := strings.TrimRight(string(data), "\r\n")
	switch {
	case len(token) < minToken:
		return "", errors.New("has a token that is too short")
	case len(token) > maxToken:
		return "", errors.New("has a token that is too long")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return "", errors.New("has other than visible ASCII characters in its token")
	}
	return token, nil
}
