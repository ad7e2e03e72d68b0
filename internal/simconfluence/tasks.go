package simconfluence

import (
	"encoding/json"
	"slices"
	"strconv"
)

// tasks answers the list of tasks with its many filters.
func (rq *request) tasks() {
	some := rq.ordinals(Task, "task-id")
	l := rq.items(Task, some, some == nil, "", shape{format: rq.format()})
	var want []func(i int) bool
	add := func(f func(i int) bool) { want = append(want, f) }
	add(func(i int) bool { return !rq.gone(Task, i) && (rq.open(Task, i) || !rq.visible(Task, i)) })
	if status := rq.query.Get("status"); status != "" {
		add(func(i int) bool {
			_, _, completed := rq.taskState(i)
			return (completed > 0) == (status == "complete")
		})
	}
	if in := rq.ordinals(Space, "space-id"); in != nil {
		add(func(i int) bool { return slices.Contains(in, int32(rq.space(Task, i))) })
	}
	for name, kind := range map[string]Kind{"page-id": Page, "blogpost-id": BlogPost} {
		if in := rq.ordinals(kind, name); in != nil {
			add(func(i int) bool {
				c, j := rq.container(Task, i)
				return c == kind && slices.Contains(in, int32(j))
			})
		}
	}
	rq.taskTimes(add)
	rq.taskPeople(add)
	l.keep = func(i int) bool {
		for _, f := range want {
			if !f(i) {
				return false
			}
		}
		return true
	}
	rq.list(l)
}

// taskTimes adds the filters by time: from and to, both included, in milliseconds.
func (rq *request) taskTimes(add func(func(i int) bool)) {
	for _, name := range [...]string{"created-at", "due-at", "completed-at"} {
		from, hasFrom := rq.number(name + "-from")
		to, hasTo := rq.number(name + "-to")
		if !hasFrom && !hasTo {
			continue
		}
		add(func(i int) bool {
			_, at, completed := rq.taskState(i)
			switch name {
			case "created-at":
				at = rq.created(Task, i)
			case "completed-at":
				at = completed
			}
			return at > 0 && (!hasFrom || at >= from) && (!hasTo || at <= to)
		})
	}
}

func (rq *request) number(name string) (int64, bool) {
	n, err := strconv.ParseInt(rq.query.Get(name), 10, 64)
	return n, err == nil
}

// taskPeople adds the filters by account, which compare what the row says.
func (rq *request) taskPeople(add func(func(i int) bool)) {
	for name, field := range map[string]string{"created-by": "createdBy", "assigned-to": "assignedTo", "completed-by": "completedBy"} {
		if who := rq.values(name); who != nil {
			add(func(i int) bool {
				var row map[string]any
				if err := json.Unmarshal(rq.row(nil, Task, i, shape{}), &row); err != nil {
					panic(err) // our own text
				}
				id, ok := row[field].(string)
				return ok && slices.Contains(who, id)
			})
		}
	}
}
