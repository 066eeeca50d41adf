package keeper

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// hub is the control socket: JSON lines. A client is first told the status, then everything that happens; it sends
// orders: {"op":"stop"} or {"op":"restart_server"}.
type hub struct {
	listener net.Listener
	snapshot func() any
	orders   chan<- string

	mu      sync.Mutex
	clients map[*client]struct{}
	closed  bool
	done    sync.WaitGroup
}

type client struct {
	conn net.Conn
	// lines is closed when the client gets no more.
	lines chan []byte
}

// A client that is this many lines behind is cut off.
const clientBacklog = 256

// allowed are the orders that a client may give; others are for the keeper alone.
var allowed = map[string]bool{"stop": true, "restart_server": true}

func listen(path string, snapshot func() any, orders chan<- string) (*hub, error) {
	// Whoever starts us holds the lock of this machine, so what lies there is of a keeper that was killed.
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, err
	}
	h := &hub{listener: listener, snapshot: snapshot, orders: orders, clients: map[*client]struct{}{}}
	go h.accept()
	return h, nil
}

func (h *hub) accept() {
	for {
		conn, err := h.listener.Accept()
		if err != nil {
			return
		}
		c := &client{conn: conn, lines: make(chan []byte, clientBacklog)}
		h.mu.Lock()
		if h.closed {
			h.mu.Unlock()
			conn.Close()
			return
		}
		h.clients[c] = struct{}{}
		h.done.Add(1)
		h.send(c, encode(h.snapshot()))
		h.mu.Unlock()
		go h.write(c)
		go h.read(c)
	}
}

func (h *hub) write(c *client) {
	defer h.done.Done()
	defer c.conn.Close()
	for line := range c.lines {
		c.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.conn.Write(line); err != nil {
			h.drop(c)
			return
		}
	}
}

func (h *hub) read(c *client) {
	defer h.drop(c)
	lines := bufio.NewScanner(c.conn)
	for lines.Scan() {
		var request struct{ Op string }
		if err := json.Unmarshal(lines.Bytes(), &request); err != nil || !allowed[request.Op] {
			h.tellOne(c, map[string]string{"event": "refused", "op": request.Op})
			continue
		}
		h.orders <- request.Op
	}
}

// tell sends a line to every client.
func (h *hub) tell(message any) {
	line := encode(message)
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.clients {
		h.send(c, line)
	}
}

func (h *hub) tellOne(c *client, message any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := h.clients[c]; there {
		h.send(c, encode(message))
	}
}

// send is called with mu held.
func (h *hub) send(c *client, line []byte) {
	select {
	case c.lines <- line:
	default:
		delete(h.clients, c)
		close(c.lines)
	}
}

func (h *hub) drop(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := h.clients[c]; there {
		delete(h.clients, c)
		close(c.lines)
	}
}

// close sends what is still to be said, then hangs up. The socket's path goes first, so that nobody comes late.
func (h *hub) close() {
	h.listener.Close()
	h.mu.Lock()
	h.closed = true
	for c := range h.clients {
		delete(h.clients, c)
		close(c.lines)
	}
	h.mu.Unlock()
	h.done.Wait()
}

func encode(message any) []byte {
	line, err := json.Marshal(message)
	if err != nil {
		line = fmt.Appendf(nil, `{"event":"refused","error":%q}`, err.Error())
	}
	return append(line, '\n')
}
