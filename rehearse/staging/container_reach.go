package staging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// door is a place to listen at, and the address that leads there from the container.
type door struct {
	listen string
	dial   string
	admits []netip.Addr // who may come in; none means the container's own addresses
}

// Reach listens where the container can reach this process: at its network's gateway when that is this machine, else at the address this
// machine has on the way to the container, else, under Docker Desktop, at the loopback interface, which the container sees as
// host.docker.internal. Each is tried from inside the container before it is given out.
func (c *container) Reach(ctx context.Context, dial func(context.Context) (io.ReadWriteCloser, error)) (Route, error) {
	var errs []error
	for _, d := range c.doors(ctx) {
		route, err := c.open(ctx, d, dial)
		if err == nil {
			return route, nil
		}
		if ctx.Err() != nil {
			return Route{}, context.Cause(ctx)
		}
		errs = append(errs, err)
	}
	err := errors.Join(errs...)
	if err == nil {
		err = errors.New("the container has no gateway")
	}
	return Route{}, &ProviderError{Provider: ProviderContainer, Reason: ReasonPort, Err: fmt.Errorf("the container does not reach this machine: %w", err)}
}

// doors is where to try, in order.
func (c *container) doors(ctx context.Context) []door {
	c.mu.Lock()
	defer c.mu.Unlock()
	var doors []door
	add := func(d door) {
		if !slices.ContainsFunc(doors, func(e door) bool { return e.listen == d.listen }) {
			doors = append(doors, d)
		}
	}
	for _, gateway := range c.gateway {
		add(door{listen: gateway.String(), dial: gateway.String()})
	}
	for _, own := range c.own {
		if local := localAddress(ctx, own.String()); local != "" {
			add(door{listen: local, dial: local})
		}
	}
	if remote := c.engine.remoteName(); remote != "" {
		if local := localAddress(ctx, remote); local != "" {
			add(door{listen: local, dial: local, admits: append(resolve(ctx, remote), c.own...)})
		}
	}
	if strings.Contains(c.engine.system, "Docker Desktop") {
		if ip := c.resolveInside(ctx, "host.docker.internal"); ip != "" {
			add(door{listen: "127.0.0.1", dial: ip, admits: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}})
		}
	}
	return doors
}

// open listens at a door and has the container knock: a probe is counted and closed without dialling anything.
func (c *container) open(ctx context.Context, d door, dial func(context.Context) (io.ReadWriteCloser, error)) (Route, error) {
	guests := d.admits
	if len(guests) == 0 {
		guests = c.own
	}
	var knocks, live atomic.Int64
	r, err := listen(ctx, net.JoinHostPort(d.listen, "0"), dial, c.spec.logger(), func(client, _ net.Addr) bool {
		from, err := netip.ParseAddrPort(client.String())
		if err != nil || !slices.Contains(guests, from.Addr().Unmap()) {
			return false
		}
		knocks.Add(1)
		return live.Load() > 0
	})
	if err != nil {
		return Route{}, err
	}
	knock, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	// It is refused and says "no response": only the knock counts.
	_ = c.run(knock, "pg_isready", []string{"-q", "-t", "3", "-h", d.dial, "-p", strconv.Itoa(int(r.port()))}, nil, io.Discard, io.Discard)
	if knocks.Load() == 0 {
		_ = r.Close()
		return Route{}, fmt.Errorf("no connection came from the container to %s", d.dial)
	}
	live.Store(1)
	c.mu.Lock()
	c.relays = append(c.relays, r.Close)
	c.mu.Unlock()
	return Route{HostAddr: d.dial, Port: r.port(), Close: r.Close}, nil
}

// localAddress is the address this machine would have as a peer of host. UDP's connect sends nothing.
func localAddress(ctx context.Context, host string) string {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", net.JoinHostPort(host, "9"))
	if err != nil {
		return ""
	}
	defer conn.Close()
	udp, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return ""
	}
	return udp.IP.String()
}

// resolve is the addresses of a name.
func resolve(ctx context.Context, host string) []netip.Addr {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs
}

// resolveInside asks the container for the address of a name.
func (c *container) resolveInside(ctx context.Context, name string) string {
	var out bytes.Buffer
	if _, err := c.engine.exec(ctx, c.id, []string{"getent", "ahostsv4", name}, nil, &out, io.Discard); err != nil {
		return ""
	}
	if fields := strings.Fields(out.String()); len(fields) > 0 {
		return fields[0]
	}
	return ""
}
