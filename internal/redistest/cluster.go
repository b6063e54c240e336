package redistest

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// slots is how many hash slots a cluster shares out
// (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/).
const slots = 16384

// Cluster is a Redis Cluster of masters without replicas, each with an equal share of the slots in the order of Nodes.
type Cluster struct {
	Nodes []*Server

	buses []int    // the nodes' ports for messages between nodes
	ids   []string // the nodes' ids in the cluster
	addrs []string
}

// StartCluster starts a cluster of n nodes, each with the further arguments, and returns it when every node finds it complete,
// after two seconds at least. It is skipped, and ends, as a server of [Start].
func StartCluster(t testing.TB, n int, args ...string) *Cluster {
	t.Helper()
	return StartClusterBehind(t, n, (*Server).Addr, args...)
}

// StartClusterBehind is [StartCluster] with nodes that announce other addresses than their own: those of proxies before them.
// announced is called for each node before the nodes join.
func StartClusterBehind(t testing.TB, n int, announced func(*Server) string, args ...string) *Cluster {
	t.Helper()
	need(t)
	c := &Cluster{}
	for range n {
		bus, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		node := Start(t, append([]string{"--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus)}, args...)...)
		addr := announced(node)
		c.Nodes, c.buses, c.addrs = append(c.Nodes, node), append(c.buses, bus), append(c.addrs, addr)
		_, port, err := net.SplitHostPort(addr)
		if err == nil {
			_, err = node.do("CONFIG", "SET", "cluster-announce-port", port)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := c.join(); err != nil {
		t.Fatal(err)
	}
	return c
}

// Addrs are where clients find the nodes, HOST:PORT.
func (c *Cluster) Addrs() []string { return c.addrs }

// URL is the cluster's address as clients take it.
func (c *Cluster) URL() string {
	return "redis://" + c.addrs[0] + "?addr=" + strings.Join(c.addrs[1:], "&addr=")
}

// do sends a command to a server, past all proxies.
func (s *Server) do(words ...any) (any, error) {
	answer, err := s.client.Do(context.Background(), words...).Result()
	if err != nil {
		err = fmt.Errorf("%v: %w", words, err)
	}
	return answer, err
}

// join makes a cluster of the nodes.
func (c *Cluster) join() error {
	n := len(c.Nodes)
	for i, node := range c.Nodes {
		id, err := node.do("CLUSTER", "MYID")
		if err != nil {
			return err
		}
		c.ids = append(c.ids, fmt.Sprint(id))
		for _, words := range [][]any{
			{"CLUSTER", "SET-CONFIG-EPOCH", i + 1}, // two nodes with one epoch would have to vote
			{"CLUSTER", "ADDSLOTSRANGE", i * slots / n, (i+1)*slots/n - 1},
		} {
			if _, err := node.do(words...); err != nil {
				return err
			}
		}
		for j, other := range c.Nodes[:i] {
			if _, err := node.do("CLUSTER", "MEET", "127.0.0.1", other.Port, c.buses[j]); err != nil {
				return err
			}
		}
	}
	return c.awaitWhole()
}

// awaitWhole waits until every node knows the owner of each slot.
func (c *Cluster) awaitWhole() error {
	whole := []string{
		"cluster_state:ok", "cluster_slots_ok:" + strconv.Itoa(slots), "cluster_known_nodes:" + strconv.Itoa(len(c.Nodes)),
	}
	late := time.Now().Add(patience)
	for i := 0; i < len(c.Nodes); {
		info, err := c.Nodes[i].do("CLUSTER", "INFO")
		switch {
		case err != nil:
			return err
		case containsAll(fmt.Sprint(info), whole):
			i++
		case time.Now().After(late):
			return fmt.Errorf("the cluster is not whole after %v: %v", patience, info)
		default:
			time.Sleep(10 * time.Millisecond)
		}
	}
	return nil
}

// awaitAgreement waits until all nodes know the configuration epoch of each node, which redis-cli also checks before it moves slots. A
// node that takes a slot raises its epoch above those it knows. If it lacks the latest one, an older message of the node with that
// epoch takes the slot back, and the keys in it are deleted.
func (c *Cluster) awaitAgreement() error {
	for late := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		known := map[string]bool{}
		for _, node := range c.Nodes {
			nodes, err := node.do("CLUSTER", "NODES")
			if err != nil {
				return err
			}
			known[epochsIn(fmt.Sprint(nodes))] = true
		}
		switch {
		case len(known) == 1:
			return nil
		case time.Now().After(late):
			return fmt.Errorf("the nodes of the cluster do not agree after %v: %v", patience, slices.Collect(maps.Keys(known)))
		}
	}
}

// epochsIn returns the id and the configuration epoch of each node in an answer to CLUSTER NODES, in the order of the ids.
func epochsIn(nodes string) string {
	var list []string
	for line := range strings.Lines(nodes) {
		if words := strings.Fields(line); len(words) > 6 {
			list = append(list, words[0]+" "+words[6])
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func containsAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p+"\r\n") {
			return false
		}
	}
	return true
}

// MigrateSlots moves slots from one node to another with their keys, while clients may be using them. It is what redis-cli
// --cluster reshard does, but for all slots at once, so that clients meet them half moved. pause, which may be nil, is called
// between any two steps. It returns when the nodes agree, so that slots may move again. It may run on any goroutine.
func (c *Cluster) MigrateSlots(from, to int, pause func(), slots ...int) error {
	if pause == nil {
		pause = func() {}
	}
	source, target := c.Nodes[from], c.Nodes[to]
	for _, slot := range slots {
		_, err := target.do("CLUSTER", "SETSLOT", slot, "IMPORTING", c.ids[from])
		if err == nil {
			_, err = source.do("CLUSTER", "SETSLOT", slot, "MIGRATING", c.ids[to])
		}
		if err != nil {
			return err
		}
		pause()
	}
	for _, slot := range slots {
		if err := source.moveKeys(slot, target, pause); err != nil {
			return err
		}
	}
	for _, slot := range slots {
		for _, node := range append([]*Server{target, source}, c.Nodes...) { // these two first: one of them serves it at any time
			if _, err := node.do("CLUSTER", "SETSLOT", slot, "NODE", c.ids[to]); err != nil {
				return err
			}
		}
		pause()
	}
	return c.awaitAgreement()
}

// moveKeys moves the keys of a slot, one at a time. No new ones are created on this node meanwhile.
func (s *Server) moveKeys(slot int, to *Server, pause func()) error {
	for {
		keys, err := s.client.ClusterGetKeysInSlot(context.Background(), slot, 1).Result()
		if err != nil || len(keys) == 0 {
			return err
		}
		_, err = s.do("MIGRATE", "127.0.0.1", to.Port, keys[0], 0, patience.Milliseconds())
		if err != nil {
			return err
		}
		pause()
	}
}
