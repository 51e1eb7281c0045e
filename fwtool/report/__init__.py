"""Pages for people, on screen and on paper: the maintenance report of a visit, the notice for a merchant.

`document` is what a page consists of; `visit_page` and `notice_page` make one out of what is known, in one language;
`html` and `pdf` draw it. Nothing on a page depends on colour.
"""
