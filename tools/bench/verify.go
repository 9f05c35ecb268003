//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// verify fetches every body over both protocols and compares it with the file,
// so that all servers are compared by the same work.
func verify(ctx context.Context, p *process, s *site) error {
	for _, major := range []int{1, 2} {
		var protocols http.Protocols
		protocols.SetHTTP1(major == 1)
		protocols.SetHTTP2(major == 2)
		transport := &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // made for this run
			Protocols:       &protocols,
		}
		defer transport.CloseIdleConnections()
		for _, b := range bodies {
			if err := verifyBody(ctx, transport, "https://"+p.Addr+"/"+b.file(), major, filepath.Join(s.root, b.file())); err != nil {
				return err
			}
		}
	}
	return nil
}

func verifyBody(ctx context.Context, transport http.RoundTripper, url string, major int, file string) error {
	want, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s over HTTP/%d: %w", url, major, err)
	}
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != major || !bytes.Equal(got, want) {
		return fmt.Errorf("%s over HTTP/%d: %s %s with %d bytes that are not the file's %d",
			url, major, resp.Proto, resp.Status, len(got), len(want))
	}
	return nil
}
