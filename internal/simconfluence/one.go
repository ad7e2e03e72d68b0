package simconfluence

import (
	"net/http"
	"slices"
)

// one answers a single item, with the blocks that were asked for.
func one(k Kind) handler {
	return func(rq *request) {
		i, ok := rq.find(k, rq.id)
		if st := rq.values("status"); ok && st != nil && (k == Page || k == BlogPost) {
			ok = rq.visible(k, i) && slices.Contains(st, rq.status(k, i)) && rq.mayRead(k, i) &&
				!(rq.quirks.EmptyTrash && rq.status(k, i) == trashed)
		} else if ok && rq.query.Get("get-draft") == "true" && rq.status(k, i) == draft {
			ok = rq.visible(k, i)
		} else if i, ok = rq.parentOf(k); !ok {
			return
		}
		if !ok {
			rq.notFound(k)
			return
		}
		f := rq.spaceShape()
		f.format, f.single = rq.format(), true
		if f.format != "" && rq.unrenderable(k, i) {
			rq.renderError()
			return
		}
		rq.b = rq.rowHead(rq.b, k, i, f)
		rq.blocks(k, i)
		rq.b = rq.linksOf(rq.b, k, i)
		if k != Task {
			rq.b = append(append(append(rq.b, `,"base":"`...), rq.base...), `/wiki"}`...)
		}
		rq.b = append(rq.b, '}')
		rq.linkHeader("")
		rq.send(http.StatusOK, rq.b)
	}
}
