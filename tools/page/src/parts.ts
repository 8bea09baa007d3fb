// What tests compare with sockfilter itself: the filter language and the forms, without a document.

export { asCurl } from "./forms/curl.ts";
export { asHar } from "./forms/har.ts";
export { asPytest } from "./forms/pytest.ts";
export { suggestions } from "./language/complete.ts";
export { filterOf } from "./language/evaluate.ts";
export { Ends, rowOf } from "./rows.ts";
export { shown } from "./text.ts";
export { routeOf } from "./views/routes.ts";
