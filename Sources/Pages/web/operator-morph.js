// Brings what is shown up to date without replacing it: focus, selection, scrolling, open details and what somebody is
// typing stay as they are. Elements of a list are told apart by `data-key`.

/// Makes the children of `parent` be like `wanted`.
export function morph(parent, wanted) {
    const named = new Map()
    const keys = new Set(wanted.map((next) => next.dataset?.key))
    for (const child of [...parent.children]) {
        const key = child.dataset?.key
        if (!key) continue
        // At once, so that those behind it need not be moved: what is moved loses its focus.
        if (!keys.has(key)) child.remove()
        else named.set(key, child)
    }
    let place = parent.firstChild
    for (const next of wanted) {
        const key = next.dataset?.key
        let old = key ? named.get(key) : place
        if (!old || old.parentNode !== parent || !isLike(old, next)) {
            parent.insertBefore(next, place)
            continue
        }
        if (old !== place) parent.insertBefore(old, place)
        else place = place.nextSibling
        patch(old, next)
    }
    while (place) {
        const next = place.nextSibling
        place.remove()
        place = next
    }
}

function isLike(old, next) {
    return old.nodeType === next.nodeType && old.nodeName === next.nodeName
        && (old.dataset?.key ?? "") === (next.dataset?.key ?? "")
}

function patch(old, next) {
    if (old.nodeType === Node.TEXT_NODE) {
        if (old.data !== next.data) old.data = next.data
        return
    }
    for (const { name } of [...old.attributes]) {
        // Whether it is open is the reader's choice.
        if (!next.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name)
    }
    for (const { name, value } of next.attributes) {
        if (old.getAttribute(name) !== value) old.setAttribute(name, value)
    }
    morph(old, [...next.childNodes])
}
