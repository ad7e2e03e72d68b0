package stream

// Extra is the table of the streams that the setting extra_streams adds: they need other scopes
// or rights, or a request per item, so nobody gets them unasked.
var Extra = []Stream{
	{
		Name: "users", Doc: "People and apps: whom a search finds, and whom the run's records name.",
		Key: []string{"accountId"}, Listing: Users,
	},
	{
		Name: "labels", Doc: "Labels of the site, whatever carries them.",
		Key: id, Listing: Labels,
	},
	{
		Name: "page_likes", Doc: "Who likes which page.",
		Key: []string{"pageId", "accountId"}, Listing: Pages, Parent: Pages, ParentField: "pageId",
		Route: "/pages/{id}/likes/users", Include: "likes", Scopes: pageRead,
	},
	{
		Name: "blog_post_likes", Doc: "Who likes which blog post.",
		Key: []string{"blogPostId", "accountId"}, Listing: BlogPosts, Parent: BlogPosts, ParentField: "blogPostId",
		Route: "/blogposts/{id}/likes/users", Include: "likes", Scopes: pageRead,
	},
	{
		Name: "attachment_footer_comments", Doc: "Comments on attachments, and the replies to them.",
		Key: id, ReplicationKey: "modifiedAt", Changed: changed, Listing: FooterComments, Parent: Attachments, ParentField: "attachmentId",
		Route: "/attachments/{id}/footer-comments", Replies: "/footer-comments/{id}/children", Body: true, Scopes: cmtRead,
	},
	{
		Name: "custom_content_footer_comments", Doc: "Comments on custom content, and the replies to them.",
		Key: id, ReplicationKey: "modifiedAt", Changed: changed, Listing: FooterComments, Parent: CustomContent, ParentField: "customContentId",
		Route: "/custom-content/{id}/footer-comments", Replies: "/footer-comments/{id}/children", Body: true, Scopes: cmtRead,
	},
}
