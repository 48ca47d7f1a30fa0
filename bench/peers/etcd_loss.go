// What loss costs etcd's raft: three nodes in one process, a goroutine and a mailbox each, entries in memory, the ticks that vlot has by
// default. The same load over links that lose messages in silence and over clean ones, in turns; beside `vlot-bench loss`.
//
// usage: etcd_loss [seconds of a run] [rounds]
package main

import (
	"fmt"
	"log"
	"math/rand"
	"os"
	"sort"
	"strconv"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/raft"
	"go.etcd.io/etcd/raft/raftpb"
)

const (
	nodes        = 3
	tick         = 10 * time.Millisecond
	loss         = 0.05
	commandBytes = 16
	mailboxSize  = 1 << 16
	keptMax      = 400000 // entries; then all but so many go
	keptMin      = 200000
)

// What a client hears: so many commands are done, and so many of them have no outcome.
type answer struct{ done, failed int }

type node struct {
	core     *raft.RawNode
	storage  *raft.MemoryStorage
	mailbox  chan raftpb.Message
	waiting  int // commands of the client that this leader has not answered
	isLeader bool
	random   *rand.Rand
}

type cluster struct {
	members [nodes]*node
	loss    float64
	leader  uint64 // atomic; 0: none
	answers chan answer
	stop    chan struct{}
	ended   chan struct{}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "etcd_loss:", err)
		os.Exit(2)
	}
}

func open(loss float64, seed int64) *cluster {
	c := &cluster{loss: loss, answers: make(chan answer, mailboxSize), stop: make(chan struct{}), ended: make(chan struct{}, nodes)}
	var peers []raft.Peer
	for id := uint64(1); id <= nodes; id++ {
		peers = append(peers, raft.Peer{ID: id})
	}
	for k := range c.members {
		storage := raft.NewMemoryStorage()
		core, err := raft.NewRawNode(&raft.Config{
			ID: uint64(k + 1), ElectionTick: 15, HeartbeatTick: 5, Storage: storage, MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 256,
			PreVote: true, CheckQuorum: true, Logger: silent(),
		})
		must(err)
		must(core.Bootstrap(peers))
		c.members[k] = &node{
			core: core, storage: storage, mailbox: make(chan raftpb.Message, mailboxSize), random: rand.New(rand.NewSource(seed*nodes + int64(k)))}
	}
	for k := range c.members {
		go c.run(uint64(k + 1))
	}
	return c
}

func (c *cluster) close() {
	close(c.stop)
	for range c.members {
		<-c.ended
	}
}

func silent() raft.Logger {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	must(err)
	return &raft.DefaultLogger{Logger: log.New(null, "", 0)}
}

// One node: all mail that waits is one turn.
func (c *cluster) run(id uint64) {
	self, clock := c.members[id-1], time.NewTicker(tick)
	defer clock.Stop()
	for {
		select {
		case <-c.stop:
			c.ended <- struct{}{}
			return
		case <-clock.C:
			self.core.Tick()
		case mail := <-self.mailbox:
			c.take(self, mail)
			for more := len(self.mailbox); more > 0; more-- {
				c.take(self, <-self.mailbox)
			}
		}
		for self.core.HasReady() {
			c.letGo(id, self)
		}
	}
}

func (c *cluster) take(self *node, mail raftpb.Message) {
	err := self.core.Step(mail) // of what it does not take from a peer nobody hears
	if mail.Type != raftpb.MsgProp {
		return
	}
	if err == nil && self.isLeader {
		self.waiting += len(mail.Entries)
	} else {
		c.answers <- answer{failed: len(mail.Entries)}
	}
}

func (c *cluster) letGo(id uint64, self *node) {
	ready := self.core.Ready()
	if ready.SoftState != nil {
		c.newRole(id, self, ready.SoftState.RaftState == raft.StateLeader)
	}
	if !raft.IsEmptySnap(ready.Snapshot) {
		must(self.storage.ApplySnapshot(ready.Snapshot))
	}
	if !raft.IsEmptyHardState(ready.HardState) {
		must(self.storage.SetHardState(ready.HardState))
	}
	must(self.storage.Append(ready.Entries))
	for _, message := range ready.Messages {
		if c.loss == 0 || self.random.Float64() >= c.loss {
			select {
			case c.members[message.To-1].mailbox <- message:
			default: // full: lost as well
			}
		}
	}
	c.apply(self, ready.CommittedEntries)
	self.core.Advance(ready)
}

func (c *cluster) newRole(id uint64, self *node, leads bool) {
	if leads {
		atomic.StoreUint64(&c.leader, id)
	} else if self.isLeader {
		atomic.CompareAndSwapUint64(&c.leader, id, 0)
		c.answers <- answer{failed: self.waiting}
		self.waiting = 0
	}
	self.isLeader = leads
}

func (c *cluster) apply(self *node, entries []raftpb.Entry) {
	done := 0
	for k := range entries {
		switch entry := &entries[k]; {
		case entry.Type == raftpb.EntryConfChange:
			var change raftpb.ConfChange
			must(change.Unmarshal(entry.Data))
			self.core.ApplyConfChange(change)
		case len(entry.Data) == commandBytes:
			done++
		}
	}
	if len(entries) > 0 {
		self.compact(entries[len(entries)-1].Index)
	}
	if done > self.waiting { // of a leader before it
		done = self.waiting
	}
	if done > 0 {
		self.waiting -= done
		c.answers <- answer{done: done}
	}
}

func (n *node) compact(applied uint64) {
	first, err := n.storage.FirstIndex()
	must(err)
	if applied-first < keptMax {
		return
	}
	_, err = n.storage.CreateSnapshot(applied-keptMin, n.state(), nil)
	must(err)
	must(n.storage.Compact(applied - keptMin))
}

func (n *node) state() *raftpb.ConfState {
	return &raftpb.ConfState{Voters: []uint64{1, 2, 3}}
}

// A closed loop of one client. Commands per second, and how many had no outcome.
func (c *cluster) load(window int, length time.Duration) (float64, int) {
	for atomic.LoadUint64(&c.leader) == 0 {
		time.Sleep(tick)
	}
	begin, done, failed := time.Now(), 0, 0
	c.submit(window)
	for time.Since(begin) < length {
		one := <-c.answers
		for more := len(c.answers); more > 0; more-- {
			next := <-c.answers
			one.done, one.failed = one.done+next.done, one.failed+next.failed
		}
		done, failed = done+one.done, failed+one.failed
		c.submit(one.done + one.failed)
	}
	return float64(done) / time.Since(begin).Seconds(), failed
}

func (c *cluster) submit(count int) {
	if count == 0 {
		return
	}
	leader := atomic.LoadUint64(&c.leader)
	for ; leader == 0; leader = atomic.LoadUint64(&c.leader) {
		time.Sleep(tick)
	}
	entries := make([]raftpb.Entry, count)
	for k := range entries {
		entries[k].Data = make([]byte, commandBytes)
	}
	c.members[leader-1].mailbox <- raftpb.Message{Type: raftpb.MsgProp, From: leader, To: leader, Entries: entries}
}

func measure(loss float64, window int, length time.Duration, seed int64) (float64, int) {
	c := open(loss, seed)
	defer c.close()
	return c.load(window, length)
}

func number(k int, usual float64) float64 {
	if len(os.Args) <= k {
		return usual
	}
	value, err := strconv.ParseFloat(os.Args[k], 64)
	must(err)
	return value
}

func main() {
	length, rounds := time.Duration(number(1, 2)*float64(time.Second)), int(number(2, 5))
	for _, window := range []int{256, 16} {
		var shares []float64
		for round := 0; round < rounds; round++ {
			var rates [2]float64
			var failed int
			for k := 0; k < 2; k++ {
				lossy := (round + k) % 2 // who comes first changes from round to round
				rates[lossy], failed = measure(loss*float64(lossy), window, length, int64(round))
			}
			shares = append(shares, rates[1]/rates[0])
			fmt.Printf("etcd raft, %4d in flight: clean %9.0f/s  lossy %9.0f/s (%d without outcome)  share %.3f\n",
				window, rates[0], rates[1], failed, rates[1]/rates[0])
		}
		sort.Float64s(shares)
		fmt.Printf("etcd raft, %4d in flight: share of the clean rate at 5 %% loss %.2f (%.2f..%.2f)\n",
			window, shares[rounds/2], shares[0], shares[rounds-1])
	}
}
