package quarantineslack

import (
	"context"
	"errors"
	"time"

	"github.com/theriac/theriac/quarantine"
)

// What the notifier remembers is read from the store once a lead, and put after each call.

// loadRoom reads the memory of the channel.
func (n *Notifier) loadRoom(ctx context.Context) error {
	if n.room != nil {
		return nil
	}
	notice, err := n.cfg.Service.NoticeGet(ctx, n.roomKey)
	if err != nil && !errors.Is(err, quarantine.ErrNotFound) {
		return err
	}
	room := &roomState{}
	if err := decodeState(notice.State, room); err != nil {
		n.log.Warn("quarantineslack: the memory of the channel is not used", "error", err)
		room = &roomState{}
	}
	n.room = room
	return nil
}

// put stores what was done. What this process remembers is then out of date if it
// fails: it is read again.
func (n *Notifier) put(ctx context.Context, told ...quarantine.ToldNotice) error {
	err := n.cfg.Service.PutNotices(ctx, n.holder, told)
	if err != nil {
		n.room, n.breakers, n.digests = nil, nil, map[string]*digestState{}
		return err
	}
	for _, t := range told {
		if l := n.ledgers[t.Key]; l != nil && l.upTo == t.AuditTold && !l.pending() && !l.settling(time.Now()) {
			delete(n.ledgers, t.Key)
		}
	}
	return nil
}

// roomTold is the memory of the channel as it is put.
func (n *Notifier) roomTold() quarantine.ToldNotice {
	n.room.V = stateVersion
	b, err := encodeState(n.room)
	if err != nil { // its parts have bounds that fit; with ids longer than any today's they may not
		n.room.Named = nil
		if b, err = encodeState(n.room); err != nil {
			n.log.Error("quarantineslack: the memory of the channel cannot be kept", "error", err)
			b = nil
		}
	}
	return quarantine.ToldNotice{Key: n.roomKey, State: b}
}

// loadBreakers reads the memory of the breakers. It is apart from that of the channel,
// which has little room left.
func (n *Notifier) loadBreakers(ctx context.Context) error {
	if n.breakers != nil {
		return nil
	}
	notice, err := n.cfg.Service.NoticeGet(ctx, n.breakersKey)
	if err != nil && !errors.Is(err, quarantine.ErrNotFound) {
		return err
	}
	all := &breakerStates{}
	if err := decodeState(notice.State, all); err != nil {
		n.log.Warn("quarantineslack: the memory of breakers is not used", "error", err)
		all = &breakerStates{}
	}
	n.breakers = all
	return nil
}

// putBreakers puts all in the place of what is remembered of breakers.
func (n *Notifier) putBreakers(ctx context.Context, all []breakerState) error {
	n.breakers = &breakerStates{V: stateVersion, All: all}
	b, err := encodeState(n.breakers)
	if err != nil { // it has bounds that fit, of all but senders with very long names
		n.log.Error("quarantineslack: the memory of breakers cannot be kept", "error", err)
		b = nil
	}
	return n.put(ctx, quarantine.ToldNotice{Key: n.breakersKey, State: b})
}

// putTrouble stores why the notices that are due could not be told. With an empty text
// it is the trouble that is known already.
func (n *Notifier) putTrouble(ctx context.Context, jobs []*job, text string) error {
	if text == "" {
		for _, j := range jobs {
			if text = j.notice.Trouble; text != "" {
				break
			}
		}
	}
	var told []quarantine.ToldNotice
	for _, j := range jobs {
		if j.notice.Trouble == text || j.forced {
			continue
		}
		told = append(told, j.told(j.notice.Told, j.notice.AuditTold, text))
	}
	if len(told) == 0 {
		return nil
	}
	return n.put(ctx, told...)
}
