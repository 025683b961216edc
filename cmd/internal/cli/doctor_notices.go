package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/quarantine"
)

// untoldLong is how long a change may wait until people are told of it.
const untoldLong = 5 * time.Minute

// notices says whether people are told of what is held.
func (d *doctor) notices(ctx context.Context, now time.Time) finding {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	room, err := d.t.Room(ctx)
	if err != nil {
		return finding{levelFail, "notices", err.Error(), "theriac migrate status"}
	}
	stats, err := room.NoticeStats(ctx)
	if err != nil {
		return finding{levelFail, "notices", err.Error(), "theriac migrate status"}
	}
	return noticesOf(stats, now)
}

func noticesOf(st quarantine.NoticeStats, now time.Time) finding {
	waiting := "all is told"
	if st.Due > 0 {
		waiting = fmt.Sprintf("%s to be told, the oldest for %s", plural(st.Due, "notice waits", "notices wait"), age(st.Oldest, now))
	}
	late := st.Due > 0 && now.Sub(st.Oldest) > untoldLong
	switch {
	case st.Led.IsZero():
		return finding{levelOK, "notices", "no notifier has run on this store: nobody is told of what is held", ""}
	case st.Troubled > 0:
		return finding{levelWarn, "notices", fmt.Sprintf("%s; %d could not be told: %s", waiting, st.Troubled, st.Trouble),
			"mend what it says, in the chat or in the notifier's settings; it tries again by itself"}
	case late && st.Holder == "":
		return finding{levelWarn, "notices", fmt.Sprintf("%s, and no notifier runs; the last was there %s ago", waiting, age(st.Led, now)), "start the notifier"}
	case late:
		return finding{levelWarn, "notices", fmt.Sprintf("%s, and %s is the notifier", waiting, st.Holder), "look at the logs of the notifier"}
	case st.Holder == "":
		return finding{levelOK, "notices", fmt.Sprintf("%s; no notifier runs now, the last was there %s ago", waiting, age(st.Led, now)), ""}
	default:
		return finding{levelOK, "notices", fmt.Sprintf("%s; %s is the notifier", waiting, st.Holder), ""}
	}
}
