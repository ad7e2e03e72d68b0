package engine_test
import ("testing";"strings";"fmt";"github.com/tap-confluence/tap-confluence/internal/simconfluence")
func TestProbeP(t *testing.T){
 for seed:=int64(1);seed<60;seed++{
 o:=simconfluence.Scaled(seed,60); o.BodyBytes,o.Attachments,o.BlogPosts=60,60,16
 s:=simconfluence.New(o)
 line:=""
 for _,n:=range where(isComments){ roots,rep:=0,map[string]bool{}; for r:=range s.Truth(n,simconfluence.TruthOptions{}){ if strings.Contains(string(r.Data),"parentCommentId"){rep[r.Parent]=true}else{roots++}}; line+=fmt.Sprintf(" %d/%d",len(rep),roots)}
 fmt.Println(seed,line)
 }
}
