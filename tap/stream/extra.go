package stream

var roleRead = []string{"read:space.permission:confluence"}

// Extra is the table of the streams that the setting extra_streams adds: they need other scopes
// or rights, or a request per item, so nobody gets them unasked.
var Extra = []Stream{
	{
		Name: "users", Doc: "People and apps: whom a search finds, and whom the run's records name.",
		Key: []string{"accountId"}, Listing: Users,
	},
	{
		Name: "group_members", Doc: "Who is in which group.",
		Key: []string{"groupId", "accountId"}, Listing: Groups, Parent: Groups, ParentField: "groupId",
		Route: "/wiki/rest/api/group/{id}/membersByGroupId", OffsetKey: "accountId", Silent: true,
		Scopes: []string{"read:confluence-groups", "read:group:confluence", "read:user:confluence"},
	},
	{
		Name: "space_role_assignments", Doc: "Who holds which role in which space.",
		Key: []string{"spaceId", "roleId", "principalType", "principalId"}, Listing: Spaces, Parent: Spaces, ParentField: "spaceId",
		Route: "/spaces/{id}/role-assignments", Roles: true, Scopes: roleRead,
		Lifted: []Lifted{
			{Field: "principalType", Path: []string{"principal", "principalType"}, Lower: true},
			{Field: "principalId", Path: []string{"principal", "principalId"}},
		},
	},
	{
		Name: "space_roles", Doc: "Roles that can be held in spaces, and what they permit.",
		Key: id, Listing: SpaceRoles, Roles: true,
	},
	{
		Name: "content_restrictions", Doc: "Who alone may read or edit a page or blog post. Those of the pages above it hold, too.",
		Key:     []string{"contentId", "operation", "principalType", "principalId"},
		Listing: Content, Parent: Content, ParentField: "contentId",
		Route: "/wiki/rest/api/content/{id}/restriction/byOperation", Operations: []string{"read", "update"},
		Query:  [][2]string{{"expand", "restrictions.user,restrictions.group"}},
		Scopes: []string{"read:confluence-content.all", "read:content-details:confluence"},
	},
	{
		Name: "folders", Doc: "Folders.", Key: id, Listing: Tree, Node: Folders,
	},
	{
		Name: "whiteboards", Doc: "Whiteboards, without what is drawn on them.", Key: id, Listing: Tree, Node: Whiteboards,
	},
	{
		Name: "databases", Doc: "Databases, without their entries.", Key: id, Listing: Tree, Node: Databases,
	},
	{
		Name: "embeds", Doc: "Smart links in the page tree.", Key: id, Listing: Tree, Node: Embeds,
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
	{
		Name: "audit_records", Doc: "Who changed what in the administration of the site, from its audit log.",
		Key: id, ReplicationKey: "createdAt", Changed: AuditLog.Changed, Listing: AuditLog,
		Lifted: []Lifted{{Field: "createdAt", Path: AuditLog.Changed, Time: true}},
		Hashed: [][]string{
			{"creationDate"},
			{"author", "accountId"}, {"category"}, {"summary"}, {"description"}, {"affectedObject", "name"}, {"affectedObject", "objectType"},
			{"changedValues", "name"}, {"changedValues", "oldValue"}, {"changedValues", "newValue"},
			{"changedValues", "hiddenOldValue"}, {"changedValues", "hiddenNewValue"}, {"remoteAddress"},
		},
	},
}
