package stream

// Statuses of items. Each route takes some of them; page_status can ask for all but drafts.
const (
	Current  = "current"
	Archived = "archived"
	Trashed  = "trashed"
	Deleted  = "deleted"
	Draft    = "draft"
)

// Live are the statuses of what has comments, labels and other children to read.
var Live = []string{Current, Archived}

// Parameters of the API's lists.
const (
	BodyParam   = "body-format" // the format of bodies; without it rows have none
	StatusParam = "status"      // of the rows; it may come several times
	SortParam   = "sort"
)

// Spaces, Pages and so on are the nine listings that the usual streams need.
var (
	Spaces = &Listing{
		Name: "spaces", IDs: "ids", Route: "/spaces", Item: "/spaces/{id}", MaxLimit: 250,
		Sort: "id", SortField: "id", SpaceParam: "ids", SpaceMax: 250, SpaceField: "id",
		Query:  [][2]string{{"description-format", "plain"}, {"include-icon", "true"}},
		Scopes: []string{"read:space:confluence"},
	}
	Pages = &Listing{
		Name: "pages", Changed: changed, IDs: "id", SearchType: "page", Route: "/pages", Item: "/pages/{id}", MaxLimit: 250,
		Sort: "id", SortField: "id", ChangeSort: "-modified-date",
		Statuses: []string{Current, Archived, Trashed, Deleted}, Body: true,
		ItemStatuses: []string{Current, Archived, Trashed, Deleted, Draft},
		SpaceParam:   "space-id", SpaceMax: 100, SpaceField: "spaceId",
		Scopes: []string{"read:page:confluence"},
	}
	BlogPosts = &Listing{
		Name: "blog posts", Changed: changed, IDs: "id", SearchType: "blogpost", Route: "/blogposts", Item: "/blogposts/{id}", MaxLimit: 250,
		Sort: "id", SortField: "id", ChangeSort: "-modified-date",
		Statuses: []string{Current, Trashed, Deleted}, Body: true,
		ItemStatuses: []string{Current, Trashed, Deleted, Draft},
		SpaceParam:   "space-id", SpaceMax: 100, SpaceField: "spaceId",
		Scopes: []string{"read:page:confluence"},
	}
	Attachments = &Listing{
		Name: "attachments", Changed: changed, SearchType: "attachment", Route: "/attachments", Item: "/attachments/{id}", MaxLimit: 250,
		Sort: "created-date", SortField: "createdAt", ChangeSort: "-modified-date",
		Statuses:   []string{Current, Archived, Trashed},
		Containers: []Container{{"pageId", "pages", nil}, {"blogPostId", "blog posts", nil}, {"customContentId", "custom content", nil}},
		Scopes:     []string{"read:attachment:confluence"},
	}
	FooterComments = &Listing{
		Name: "footer comments", Changed: changed, SearchType: "comment", Route: "/footer-comments", Item: "/footer-comments/{id}", MaxLimit: 250,
		Sort: "created-date", ChangeSort: "-modified-date", Body: true,
		Containers: []Container{{"pageId", "pages", Live}, {"blogPostId", "blog posts", Live}, {"attachmentId", "attachments", nil}, {"customContentId", "custom content", nil}},
		Scopes:     []string{"read:comment:confluence"},
	}
	InlineComments = &Listing{
		Name: "inline comments", Changed: changed, SearchType: "comment", Route: "/inline-comments", Item: "/inline-comments/{id}", MaxLimit: 250,
		Sort: "created-date", ChangeSort: "-modified-date", Body: true,
		Containers: []Container{{"pageId", "pages", Live}, {"blogPostId", "blog posts", Live}},
		Scopes:     []string{"read:comment:confluence"},
	}
	Tasks = &Listing{
		Name: "tasks", Changed: []string{"updatedAt"}, Route: "/tasks", Item: "/tasks/{id}", MaxLimit: 250, Body: true,
		SpaceParam: "space-id", SpaceMax: 250, SpaceField: "spaceId",
		Containers: []Container{{"pageId", "pages", nil}, {"blogPostId", "blog posts", nil}},
		Scopes:     []string{"read:task:confluence"},
	}
	CustomContent = &Listing{
		Name: "custom content", Changed: changed, IDs: "id", Route: "/custom-content", Item: "/custom-content/{id}", MaxLimit: 250,
		Sort: "id", SortField: "id", ChangeSort: "-modified-date", Body: true, Typed: true,
		SpaceParam: "space-id", SpaceMax: 100, SpaceField: "spaceId",
		Containers: []Container{{"pageId", "pages", nil}, {"blogPostId", "blog posts", nil}, {"customContentId", "custom content", nil}},
		Scopes:     []string{"read:custom-content:confluence"},
	}
	Groups = &Listing{
		Name: "groups", Route: "/wiki/rest/api/group", MaxLimit: 200, Offset: true, Item: "/wiki/rest/api/group/by-id", ItemParam: "id",
		Scopes: []string{"read:confluence-groups", "read:group:confluence"},
	}
)

// Labels is the listing of all labels: the other way round to which item has which label.
var Labels = &Listing{
	Name: "labels", IDs: "label-id", Route: "/labels", MaxLimit: 250, Sort: "id", SortField: "id",
	Scopes: []string{"read:label:confluence"},
}

// Folders, Whiteboards and so on are what the page tree is made of beside pages. Their SearchType is
// also what a row's parentType says.
var (
	Folders     = &Listing{Name: "folders", SearchType: "folder", Item: "/folders/{id}", Scopes: []string{"read:folder:confluence"}}
	Whiteboards = &Listing{Name: "whiteboards", SearchType: "whiteboard", Item: "/whiteboards/{id}", Scopes: []string{"read:whiteboard:confluence"}}
	Databases   = &Listing{Name: "databases", SearchType: "database", Item: "/databases/{id}", Scopes: []string{"read:database:confluence"}}
	Embeds      = &Listing{Name: "embeds", SearchType: "embed", Item: "/embeds/{id}", Scopes: []string{"read:embed:confluence"}}
)

// Tree is the page tree above the pages: their rows say what each lies in.
var Tree = &Listing{
	Name: "page tree", Of: []*Listing{Pages}, Nodes: []*Listing{Folders, Whiteboards, Databases, Embeds},
	MaxLimit: 250, Sort: "id", SortField: "id", Statuses: Pages.Statuses, SpaceField: "spaceId",
	Scopes: []string{"read:page:confluence"},
}

// Hits is a search for content.
var Hits = &Listing{
	Name: "search", Route: "/wiki/rest/api/search", MaxLimit: 250, IDPath: []string{"content", "id"},
	Query:  [][2]string{{"includeArchivedSpaces", "true"}},
	Scopes: []string{"search:confluence", "read:content-details:confluence"},
}

// AuditLog is the log of what administrators and people changed, newest first.
var AuditLog = &Listing{
	Name: "audit log", Route: "/wiki/rest/api/audit", MaxLimit: 1000, Offset: true, Changed: []string{"creationDate"},
	From: "startDate", Until: "endDate", Needs: "an account that administers Confluence, and a paid plan",
	Scopes: []string{"read:audit-log:confluence"},
}

// Content joins pages and blog posts.
var Content = &Listing{
	Name: "pages and blog posts", Of: []*Listing{Pages, BlogPosts}, MaxLimit: 250, Sort: "id", SortField: "id",
	Statuses: []string{Current, Archived, Trashed, Deleted}, SpaceField: "spaceId",
	Scopes: []string{"read:page:confluence"},
}

// SpaceRoles is the listing of the roles that can be held in spaces.
var SpaceRoles = &Listing{
	Name: "space roles", Route: "/space-roles", MaxLimit: 250,
	Scopes: []string{"read:space.permission:confluence"},
}

// Users is the search for users. It shows active people only. The others are found by the
// ids that records name. It ends at 10,000.
var Users = &Listing{
	Name: "users", Route: "/wiki/rest/api/search/user", MaxLimit: 200, Offset: true, IDPath: []string{"user", "accountId"},
	Query:  [][2]string{{"cql", "type=user"}, {"sitePermissionTypeFilter", "all"}},
	Scopes: []string{"read:content-details:confluence"},
	Bulk:   &Bulk{Route: "/users-bulk", IDs: "accountIds", Max: 250, Scopes: []string{"read:user:confluence"}},
}

// Listings are those that the usual streams need, in the order in which their walks start.
var Listings = []*Listing{
	Spaces, Groups, Pages, BlogPosts, FooterComments, InlineComments, Tasks, CustomContent, Attachments,
}

// ExtraListings are the listings that only extra streams, or shortcuts, need. Their walks start
// after the others.
var ExtraListings = []*Listing{Labels, SpaceRoles, Content, Tree, AuditLog, Users}

// changed is where most rows tell when they last changed.
var changed = []string{"version", "createdAt"}

var (
	id       = []string{"id"}
	pageRead = []string{"read:page:confluence"}
	attRead  = []string{"read:attachment:confluence"}
	spcRead  = []string{"read:space:confluence"}
	cmtRead  = []string{"read:comment:confluence"}
)

// All is the table of the usual streams; extra.go has those that a setting adds.
var All = []Stream{
	{
		Name: "spaces", Doc: "Spaces, with plain description and icon.",
		Key: id, Listing: Spaces,
	},
	{
		Name: "space_labels", Doc: "Labels of spaces (categories).",
		Key: []string{"spaceId", "id"}, Listing: Spaces, Parent: Spaces, ParentField: "spaceId",
		Route: "/spaces/{id}/labels", Include: "labels", Scopes: spcRead,
	},
	{
		Name: "space_permissions", Doc: "Permissions that are granted in a space, and to whom.",
		Key: id, Listing: Spaces, Parent: Spaces, ParentField: "spaceId",
		Route: "/spaces/{id}/permissions", Scopes: spcRead,
	},
	{
		Name: "space_properties", Doc: "Properties that apps and people stored on spaces.",
		Key: id, Listing: Spaces, Parent: Spaces, ParentField: "spaceId",
		Route: "/spaces/{id}/properties", Include: "properties", Text: []string{"value"}, Scopes: spcRead,
	},
	{
		Name: "groups", Doc: "User groups of the site.",
		Key: id, Listing: Groups,
	},
	{
		Name: "pages", Doc: "Pages with their bodies.",
		Key: id, ReplicationKey: "modifiedAt", Changed: changed, Listing: Pages, Body: true,
	},
	{
		Name: "child_pages", Doc: "Which page lies directly under which page.",
		Key: id, Listing: Pages, Parent: Pages, ParentField: "parentId",
		Route: "/pages/{id}/direct-children", Derive: ChildOf, Scopes: []string{"read:hierarchical-content:confluence"},
		Query: [][2]string{{SortParam, "id"}}, Renamed: map[string]string{"childPosition": "position"}, Constant: map[string]string{"type": "page"},
	},
	{
		Name: "page_labels", Doc: "Labels of pages.",
		Key: []string{"pageId", "id"}, Listing: Pages, Parent: Pages, ParentField: "pageId",
		Route: "/pages/{id}/labels", Include: "labels", Labelled: "/labels/{id}/pages", Scopes: pageRead,
	},
	{
		Name: "page_versions", Doc: "Versions of pages, without bodies.",
		Key: []string{"pageId", "number"}, ReplicationKey: "createdAt", Changed: []string{"createdAt"}, Listing: Pages, Parent: Pages, ParentField: "pageId",
		Route: "/pages/{id}/versions", Include: "versions", Derive: FirstVersion, Entity: "page", Scopes: pageRead,
	},
	{
		Name: "page_content_properties", Doc: "Properties that apps and people stored on pages.",
		Key: id, Listing: Pages, Parent: Pages, ParentField: "pageId",
		Route: "/pages/{id}/properties", Include: "properties", Text: []string{"value"}, Scopes: pageRead,
	},
	{
		Name: "page_footer_comments", Doc: "Comments below pages, and the replies to them.",
		Key: id, ReplicationKey: "modifiedAt", Changed: changed, Listing: FooterComments, Parent: Pages, ParentField: "pageId",
		Route: "/pages/{id}/footer-comments", Replies: "/footer-comments/{id}/children", Body: true, Scopes: cmtRead,
	},
	{
		Name: "page_inline_comments", Doc: "Comments on passages of pages, and the replies to them.",
		Key: id, ReplicationKey: "modifiedAt", Changed: changed, Listing: InlineComments, Parent: Pages, ParentField: "pageId",
		Route: "/pages/{id}/inline-comments", Replies: "/inline-comments/{id}/children", Body: true, Scopes: cmtRead,
	},
	{
		Name: "blog_posts", Doc: "Blog posts with their bodies.",
		Key: id, ReplicationKey: "modifiedAt", Changed: changed, Listing: BlogPosts, Body: true,
	},
	{
		Name: "blog_post_labels", Doc: "Labels of blog posts.",
		Key: []string{"blogPostId", "id"}, Listing: BlogPosts, Parent: BlogPosts, ParentField: "blogPostId",
		Route: "/blogposts/{id}/labels", Include: "labels", Labelled: "/labels/{id}/blogposts", Scopes: pageRead,
	},
	{
		Name: "blog_post_versions", Doc: "Versions of blog posts, without bodies.",
		Key: []string{"blogPostId", "number"}, ReplicationKey: "createdAt", Changed: []string{"createdAt"}, Listing: BlogPosts, Parent: BlogPosts, ParentField: "blogPostId",
		Route: "/blogposts/{id}/versions", Include: "versions", Derive: FirstVersion, Entity: "blogpost", Scopes: pageRead,
	},
	{
		Name: "blog_post_content_properties", Doc: "Properties that apps and people stored on blog posts.",
		Key: id, Listing: BlogPosts, Parent: BlogPosts, ParentField: "blogPostId",
		Route: "/blogposts/{id}/properties", Include: "properties", Text: []string{"value"}, Scopes: pageRead,
	},
	{
		Name: "blog_post_footer_comments", Doc: "Comments below blog posts, and the replies to them.",
		Key: id, ReplicationKey: "modifiedAt", Changed: changed, Listing: FooterComments, Parent: BlogPosts, ParentField: "blogPostId",
		Route: "/blogposts/{id}/footer-comments", Replies: "/footer-comments/{id}/children", Body: true, Scopes: cmtRead,
	},
	{
		Name: "blog_post_inline_comments", Doc: "Comments on passages of blog posts, and the replies to them.",
		Key: id, ReplicationKey: "modifiedAt", Changed: changed, Listing: InlineComments, Parent: BlogPosts, ParentField: "blogPostId",
		Route: "/blogposts/{id}/inline-comments", Replies: "/inline-comments/{id}/children", Body: true, Scopes: cmtRead,
	},
	{
		Name: "tasks", Doc: "Tasks in pages and blog posts: who has to do what until when.",
		Key: id, ReplicationKey: "updatedAt", Changed: []string{"updatedAt"}, Listing: Tasks, Body: true,
	},
	{
		Name: "custom_content", Doc: "Content of the types that apps define.",
		Key: id, ReplicationKey: "modifiedAt", Changed: changed, Listing: CustomContent, Body: true,
	},
	{
		Name: "attachments", Doc: "Files on pages, blog posts and custom content: their data, not their bytes.",
		Key: id, ReplicationKey: "modifiedAt", Changed: changed, Listing: Attachments,
	},
	{
		Name: "attachment_labels", Doc: "Labels of attachments.",
		Key: []string{"attachmentId", "id"}, Listing: Attachments, Parent: Attachments, ParentField: "attachmentId",
		Route: "/attachments/{id}/labels", Include: "labels", Labelled: "/labels/{id}/attachments", Scopes: attRead,
	},
	{
		Name: "attachment_versions", Doc: "Versions of attachments.",
		Key: []string{"attachmentId", "number"}, ReplicationKey: "createdAt", Changed: []string{"createdAt"}, Listing: Attachments, Parent: Attachments, ParentField: "attachmentId",
		Route: "/attachments/{id}/versions", Include: "versions", Derive: FirstVersion, Entity: "attachment", Scopes: attRead,
	},
	{
		Name: "attachment_content_properties", Doc: "Properties that apps and people stored on attachments.",
		Key: id, Listing: Attachments, Parent: Attachments, ParentField: "attachmentId",
		Route: "/attachments/{id}/properties", Include: "properties", Text: []string{"value"}, Scopes: attRead,
	},
}
