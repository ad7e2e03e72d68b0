package engine_test
import ("testing";"time";"fmt")
func TestZZ(t *testing.T){
 w := newWorld(t, small(7)); w.everyState=true; w.config.PageSize=10
 at:=time.Now()
 o:=w.run(sync_{})
 fmt.Println(time.Since(at), w.site.Total(), len(o.lines), bytesOf(o.lines), len(w.logs()), w.site.Requests())
}
