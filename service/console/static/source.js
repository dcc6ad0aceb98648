// Lists of the API.

/** Return all items of a list, page by page; raises what the API says is wrong. */
export async function list(path, parameters, most = 20_000) {
  const items = [];
  let cursor = null;
  do {
    const query = new URLSearchParams(parameters);
    if (cursor) query.set("cursor", cursor);
    const answer = await fetch(`/api/v1${path}?${query}`, { headers: { Accept: "application/json" } });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.detail ?? answer.statusText);
    items.push(...body.items);
    cursor = "limit" in parameters ? null : body.next;
  } while (cursor && items.length < most);
  return items;
}
