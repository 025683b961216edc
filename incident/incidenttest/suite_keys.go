package incidenttest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/theriac/theriac/incident"
)

func keyPromises() []promise {
	return []promise{
		{"ByKey_FindsWhoHoldsIt", keyFinds},
		{"OpenKeyIsFreedWhenTheIncidentIsOpenNoMore", keyFreed},
		{"PermanentKeyIsHeldForEver", keyPermanent},
		{"ReopenTakesItBack", keyTakenBack},
		{"ReopenWhileAnotherHoldsIt_NamesIt", keyTakenMeanwhile},
		{"NewOnesAreTakenMissingOnesFreed", keyCompared},
		{"MergeMovesThemInOneSave", keyMoved},
		{"TwoTakeOneAtOnce_OneWins", keyRace},
		{"ListedTwice_HeldOnce", keyTwice},
	}
}

func (b *bundle) wantHolder(key string, holder incident.Incident) {
	b.Helper()
	got, err := b.Store.ByKey(b.ctx, key)
	b.must(err)
	if got.ID != holder.ID {
		b.Errorf("%s is held by %s, want %s", key, got.Ref(), holder.Ref())
	}
}

func (b *bundle) wantFree(key string) {
	b.Helper()
	_, err := b.Store.ByKey(b.ctx, key)
	b.wantErr(err, incident.ErrNotFound, "who holds "+key)
}

func keyFinds(b *bundle) {
	b.declare()
	inc := b.declare(keys(permanent("idem:1"), open("alert:1")))
	got, err := b.Store.ByKey(b.ctx, "alert:1")
	b.must(err)
	b.wantEqual(inc, got, "found")
	b.wantHolder("idem:1", inc)
	b.wantFree("idem:2")
	b.wantFree("")
}

func keyFreed(b *bundle) {
	for _, s := range incident.Statuses() {
		key := "alert:" + string(s)
		inc := b.declare(keys(open(key)))
		after := b.save(inc, status(s))
		b.wantEqual([]incident.Key{open(key)}, after.Keys, "the document keeps it")
		if s.Open() {
			b.wantHolder(key, inc)
			continue
		}
		b.wantFree(key)
		next := b.declare(keys(open(key)))
		b.wantHolder(key, next)
	}
	closed := b.declare(status(incident.Closed), keys(open("imported"), permanent("import:1")))
	b.wantFree("imported")
	b.wantHolder("import:1", closed)
}

func keyPermanent(b *bundle) {
	inc := b.declare(keys(permanent("idem:1")))
	b.save(inc, status(incident.Canceled))
	b.wantHolder("idem:1", inc)
	_, err := b.Store.Create(b.ctx, b.incident(keys(permanent("idem:1"))), nil)
	b.wantExists(err, inc, "idem:1", "the same request again")
}

func keyTakenBack(b *bundle) {
	inc := b.declare(keys(open("alert:1")))
	inc = b.save(inc, status(incident.Closed))
	b.wantFree("alert:1")
	b.save(inc, status(incident.Investigating))
	b.wantHolder("alert:1", inc)
}

func keyTakenMeanwhile(b *bundle) {
	inc := b.declare(keys(open("alert:1"), open("alert:2")))
	inc = b.save(inc, status(incident.Closed))
	other := b.declare(keys(open("alert:1")))
	reopened := inc
	reopened.Status = incident.Investigating
	_, err := b.Store.Save(b.ctx, incident.Change{Incident: &reopened, Expected: inc.Version, Events: []incident.Event{b.event(incident.EvReopened)}})
	b.wantExists(err, other, "alert:1", "reopen")
	if after := b.get(inc.ID); after.Status != incident.Closed || after.Seq != inc.Seq {
		b.Errorf("something was kept: %+v", after)
	}
	b.wantFree("alert:2")
	reopened.Keys = []incident.Key{open("alert:2")}
	b.save(reopened, func(*incident.Incident) {})
	b.wantHolder("alert:1", other)
	b.wantHolder("alert:2", inc)
}

func keyCompared(b *bundle) {
	inc := b.declare(keys(permanent("a"), open("b"), open("c")))
	inc = b.save(inc, keys(open("b"), permanent("d"), permanent("c")))
	b.wantFree("a")
	for _, key := range []string{"b", "c", "d"} {
		b.wantHolder(key, inc)
	}
	b.save(inc, status(incident.Declined))
	b.wantFree("b")
	b.wantHolder("c", inc) // became permanent
	b.wantHolder("d", inc)
}

func keyMoved(b *bundle) {
	target := b.declare(keys(open("alert:0")))
	for i := range 2 {
		moved := []incident.Key{open(fmt.Sprint("alert:", i+1)), permanent(fmt.Sprint("idem:", i+1))}
		source := b.declare(keys(moved...))
		source.Keys, source.Status = nil, incident.Merged
		target.Keys = append(target.Keys, moved...)
		changes := []incident.Change{{Incident: &source, Expected: source.Version}, {Incident: &target, Expected: target.Version}}
		if i == 1 { // takes before the other frees
			slices.Reverse(changes)
		}
		_, err := b.Store.Save(b.ctx, changes...)
		b.must(err)
		target = b.get(target.ID)
		b.wantEqual(2*i+3, len(target.Keys), "keys")
		for _, k := range target.Keys {
			b.wantHolder(k.Text, target)
		}
	}
}

func keyRace(b *bundle) {
	const n = 8
	all := make([]incident.Incident, n)
	for i := range all {
		all[i] = b.declare()
	}
	var won atomic.Int64
	b.together(n, func(i int, s incident.Stores) {
		inc := all[i]
		inc.Keys = []incident.Key{open("alert:1")}
		_, err := s.Save(b.ctx, incident.Change{Incident: &inc, Expected: inc.Version})
		if err == nil {
			won.Add(1)
		} else if _, ok := errors.AsType[*incident.ExistsError](err); !ok {
			b.Error(err)
		}
	})
	if won.Load() != 1 {
		b.Errorf("%d took it", won.Load())
	}
}

func keyTwice(b *bundle) {
	inc := b.declare(keys(open("a"), permanent("a"), open("b"), open("b")))
	b.wantHolder("a", inc)
	inc = b.save(inc, status(incident.Closed))
	b.wantHolder("a", inc)
	b.wantFree("b")
}
