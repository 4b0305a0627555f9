package staging

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
)

// relay accepts connections and joins each to one that dial makes. Bytes pass untouched, so TLS reaches through it.
type relay struct {
	listener net.Listener
	dial     func(context.Context) (io.ReadWriteCloser, error)
	admits   func(client, relay net.Addr) bool
	log      *slog.Logger

	ctx    context.Context // of the connections; ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// listen starts a relay. It ends with Close, and with ctx.
func listen(ctx context.Context, addr string, dial func(context.Context) (io.ReadWriteCloser, error), log *slog.Logger,
	admits func(client, relay net.Addr) bool,
) (*relay, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the staging server's programs: %w", err)
	}
	r := &relay{listener: listener, dial: dial, admits: admits, log: log}
	r.ctx, r.cancel = context.WithCancel(ctx)
	context.AfterFunc(r.ctx, func() { _ = listener.Close() })
	r.work.Go(r.accept)
	return r, nil
}

func (r *relay) port() uint16 {
	tcp, ok := r.listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0
	}
	return uint16(tcp.Port)
}

// Close stops listening, ends every connection and waits for their goroutines. It is idempotent.
func (r *relay) Close() error {
	r.cancel()
	_ = r.listener.Close()
	r.work.Wait()
	return nil
}

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		if !r.admits(client.RemoteAddr(), client.LocalAddr()) {
			r.log.Debug("relay refused a connection that is not the staging server's")
			_ = client.Close()
			continue
		}
		r.work.Go(func() { r.join(client) })
	}
}

// join copies both ways until either side ends, then ends the other.
func (r *relay) join(client net.Conn) {
	defer client.Close()
	source, err := r.dial(r.ctx)
	if err != nil {
		// What the client sees is a closed connection; why is not known to hold no host names, so it is not told to a log.
		r.log.Debug("relay could not dial")
		return
	}
	defer source.Close()
	stop := context.AfterFunc(r.ctx, func() {
		_ = client.Close()
		_ = source.Close()
	})
	defer stop()
	var wait sync.WaitGroup
	wait.Go(func() {
		_, _ = io.Copy(source, client)
		_ = source.Close()
	})
	_, _ = io.Copy(client, source)
	_ = client.Close()
	wait.Wait()
}

// admits lets in programs of our own user and of the server's. On Linux the kernel tells whose a loopback connection is; without that
// any user of this machine could use a relay to a unix socket that knows only us. Elsewhere everyone on the loopback interface is let in.
func (l *local) admits(client, relay net.Addr) bool {
	uid, known := socketOwner(client, relay)
	if !known {
		return true
	}
	return uid == os.Geteuid() || l.as != nil && uid == l.as.userID()
}

// socketOwner reads from /proc/net/tcp which user owns the client's end of an IPv4 loopback connection.
func socketOwner(client, relay net.Addr) (uid int, known bool) {
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return 0, false
	}
	defer f.Close()
	from, to := procAddress(client), procAddress(relay)
	scan := bufio.NewScanner(f)
	for scan.Scan() {
		fields := strings.Fields(scan.Text())
		if len(fields) > 7 && fields[1] == from && fields[2] == to {
			uid, err := strconv.Atoi(fields[7])
			return uid, err == nil
		}
	}
	return -1, true // not there any more, or not on this machine: nobody's
}

// procAddress writes an address as /proc/net/tcp does, four bytes as one number: 127.0.0.1:5432 is 0100007F:1538 on most machines.
func procAddress(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || tcp.IP.To4() == nil {
		return ""
	}
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(tcp.IP.To4()), tcp.Port)
}
