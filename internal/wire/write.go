package wire

// Flush encrypts Out and gives it to the socket as far as it takes it; the
// rest joins the backlog. The error is the connection's end.
func (c *Conn) Flush() error {
	sealErr := c.seal()
	if err := c.send(); err != nil { // also an alert that ended TLS
		return err
	}
	return sealErr
}

// seal encrypts Out.
func (c *Conn) seal() (err error) {
	if len(c.Out) == 0 {
		return nil
	}
	if c.tls == nil {
		c.cipherOut = append(c.cipherOut, c.Out...)
	} else {
		_, err = c.tls.Write(c.Out)
	}
	c.Out = c.Out[:0]
	return err
}

// send gives what is encrypted to the socket, and the backlog.
func (c *Conn) send() error {
	if len(c.cipherOut) == 0 {
		return c.backlog.failure()
	}
	sealed := c.cipherOut
	c.cipherOut = c.cipherOut[:0]
	sent := 0
	if !c.backlog.active() && c.pump == nil {
		n, err := writeSocket(c.fd, sealed)
		if err != nil && err != error(ErrWouldBlock) {
			c.readErr, c.lost = err, true
			return err
		}
		sent = max(n, 0)
		c.opt.Metrics.Sent.Add(c.stripe, uint64(sent))
	}
	if sent == len(sealed) {
		return nil
	}
	return c.backlog.add(sealed[sent:])
}

// Congested reports that the peer, or the network, takes less than we make: an
// engine should make nothing more that it can put off.
func (c *Conn) Congested() bool { return c.backlog.active() }

// Buffered is how many encrypted bytes wait for the peer.
func (c *Conn) Buffered() int { return c.backlog.len() }
