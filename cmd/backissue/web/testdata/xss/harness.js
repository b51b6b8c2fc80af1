// Loads what the test asks for, one thing to a frame, touches everything in it and tells the test
// what ran and what could have run. The attacks call top.pwn with their number.
'use strict';

const fired = new Map();   // number of an attack to the names of what was in the frames when it ran
const running = new Set(); // what is in the frames now
window.pwn = n => {
  if (!fired.has(n)) fired.set(n, [...running].map(job => job.name));
};

const forbidden = new Set(('script style iframe frame frameset object embed applet portal base meta link svg math ' +
  'template noscript noembed noframes xmp plaintext title map area param form input button select textarea ' +
  'keygen isindex dialog marquee').split(' '));
const markup = new Set(['http://www.w3.org/1999/xhtml', 'http://www.w3.org/2000/svg', 'http://www.w3.org/1998/Math/MathML']);
const addresses = new Set(('href src action formaction cite poster data background lowsrc dynsrc longdesc profile usemap ' +
  'manifest codebase classid archive icon code url uri resource ping xmlurl htmlurl rdf:resource').split(' '));
const harmless = new Set(['http:', 'https:', 'mailto:', 'tel:', 'gopher:', 'gemini:', 'ftp:', 'magnet:', 'urn:', 'tag:']);

// scheme returns the scheme of an address as the browser reads it; its own for a relative one.
function scheme(address, doc) {
  try {
    return new URL(address, /^https?:/.test(doc.baseURI) ? doc.baseURI : location.href).protocol;
  } catch {
    return 'http:'; // nowhere
  }
}

// ours reports whether an element is one that the pages themselves are made of.
function ours(el) {
  if (el.closest('.body, .lead')) return false;
  const name = el.localName;
  if (el.closest('head')) {
    return name === 'title' || name === 'link' || name === 'meta' && !el.hasAttribute('http-equiv');
  }
  if (name === 'form') return el.action.startsWith(location.origin + '/');
  return ['input', 'button', 'select'].includes(name) && !el.hasAttribute('formaction') && !el.hasAttribute('autofocus');
}

// suspects returns what in a document could run, send, cover or be styled like the page's own parts.
function suspects(doc, kind) {
  const found = [];
  for (const el of doc.querySelectorAll('*')) {
    const name = el.localName.toLowerCase();
    const known = markup.has(el.namespaceURI);
    const page = kind === 'page' && !el.closest('.body, .lead');
    if (known && forbidden.has(name) && !(kind === 'page' && ours(el))) found.push('<' + name + '>');
    if (kind === 'xml' && ['link', 'uri', 'url', 'icon', 'logo', 'comments', 'docs', 'guid'].includes(name) &&
        el.getAttribute('isPermaLink') !== 'false' && !el.children.length && !harmless.has(scheme(el.textContent, doc))) {
      found.push('<' + name + '>' + el.textContent);
    }
    for (const a of el.attributes) {
      const attr = a.name.toLowerCase();
      const local = a.localName.toLowerCase();
      if (known && /^on/.test(attr)) found.push(attr);
      if (known && (attr === 'srcdoc' || attr === 'style' || attr === 'http-equiv')) found.push(attr);
      if (known && kind === 'fragment' && ['class', 'id', 'name', 'target', 'ping'].includes(attr)) found.push(attr);
      if (known && kind === 'page' && !page && a.value !== 'dateline' && a.value !== 'body' && !a.value.startsWith('lead') && ['class', 'id', 'name', 'target', 'ping'].includes(attr)) found.push(attr);
      if ((addresses.has(attr) || addresses.has(local)) && !a.name.startsWith('xmlns') && !harmless.has(scheme(a.value, doc))) {
        found.push(attr + '=' + a.value);
      }
      if (local.endsWith('srcset') && a.value.split(/[\s,]+/).some(s => /:/.test(s) && !harmless.has(scheme(s, doc)))) {
        found.push(attr + '=' + a.value);
      }
    }
  }
  return found;
}

// touch sets off whatever waits for an event, which is what has an attribute that says so, and follows
// the links that do not lead away.
function touch(doc) {
  const w = doc.defaultView || window;
  const stay = e => {
    const a = e.target.closest && e.target.closest('a, area');
    if (a && scheme(a.getAttribute('href') || a.getAttribute('xlink:href') || '', doc) !== 'javascript:') e.preventDefault();
  };
  w.addEventListener('click', stay, true);
  w.addEventListener('submit', e => e.preventDefault());
  for (const el of doc.querySelectorAll('*')) {
    const own = [...el.attributes].map(a => a.name.toLowerCase()).filter(n => n.startsWith('on')).map(n => n.slice(2));
    if (el.localName === 'a' || el.localName === 'area') own.push('click');
    for (const type of own) {
      try {
        const event = type === 'click' ? new w.MouseEvent(type, {bubbles: true, cancelable: true}) : new w.Event(type, {cancelable: true});
        el.dispatchEvent(event);
      } catch { /* a handler that fails has run */ }
    }
  }
  w.removeEventListener('click', stay, true);
}

const sleep = ms => new Promise(done => setTimeout(done, ms));

function newFrame(src) {
  const frame = document.createElement('iframe');
  const loaded = new Promise(done => { frame.onload = done; });
  if (src) frame.src = src;
  document.body.append(frame);
  return {frame, loaded: Promise.race([loaded, sleep(5000)])};
}

// here reports whether a frame still shows what was written into it.
function here(frame) {
  try {
    return frame.contentDocument.baseURI === location.href && frame.contentDocument.body !== null;
  } catch {
    return false;
  }
}

// write shows HTML in a frame and returns what it finds.
async function write(frame, html, kind) {
  const doc = frame.contentDocument;
  doc.open();
  doc.write(html);
  doc.close();
  const found = suspects(doc, kind);
  touch(doc);
  await sleep(2);
  return here(frame) ? found : found.concat('led away');
}

// insert shows texts as a reader does that puts them into a page of its own, takes them out, and
// puts them in again; and returns what it finds.
async function insert(frame, texts) {
  let found = await write(frame, '<!DOCTYPE html><html><head></head><body>' + texts.map(t => '<div>' + t + '</div>').join('') + '</body></html>', 'fragment');
  if (!here(frame)) return found;
  const doc = frame.contentDocument;
  const places = [];
  for (const text of texts) {
    const first = doc.createElement('div');
    const second = doc.createElement('div');
    first.innerHTML = text;
    second.innerHTML = first.innerHTML;
    places.push(first, second);
  }
  doc.body.replaceChildren(...places);
  found = found.concat(suspects(doc, 'fragment'));
  touch(doc);
  await sleep(2);
  return here(frame) ? found : found.concat('led away');
}

// load opens an address in a frame of its own and returns what it finds.
async function load(job) {
  const {frame, loaded} = newFrame(job.url);
  await loaded;
  let found = [];
  const doc = frame.contentDocument;
  if (!doc) {
    found.push('led away');
  } else {
    const at = frame.contentWindow.location.href;
    found = suspects(doc, job.kind);
    touch(doc);
    await sleep(5);
    if (!frame.contentDocument || frame.contentWindow.location.href !== at) found.push('led away');
  }
  frame.remove();
  return found;
}

// run shows one job and returns what it finds.
async function run(job, frame) {
  if (job.kind === 'fragment') return insert(frame, [job.html]);
  if (job.load) return load(job);
  const text = await (await fetch(job.url)).text();
  if (job.kind === 'page') return write(frame, text, 'page');
  const doc = new DOMParser().parseFromString(text, 'text/xml');
  const error = doc.querySelector('parsererror');
  return suspects(doc, 'xml').concat(error ? ['is not well-formed: ' + error.textContent] : []);
}

// all does the jobs, four at a time, each worker in a frame of its own. One that is not as it was is
// thrown away.
async function all(jobs, work) {
  const queue = jobs.slice();
  await Promise.all(Array.from({length: 4}, async () => {
    let {frame} = newFrame();
    while (queue.length) {
      const job = queue.shift();
      let fresh = false;
      running.add(job);
      try {
        fresh = await work(job, frame);
      } catch (e) {
        report.found[job.name || 'test'] = ['the test failed: ' + (e.stack || e)];
        fresh = true;
      }
      running.delete(job);
      if (fresh || !here(frame)) {
        frame.remove();
        ({frame} = newFrame());
      }
    }
    frame.remove();
  }));
}

const report = {raw: {}, ran: [], fired: {}, found: {}, took: {}};

async function main() {
  const {raw, jobs} = await (await fetch('/xss/jobs')).json();
  const start = performance.now();
  const noticed = new Map(); // number of an attack to how often something of it could have run
  // First the attacks themselves, each in one place after the other until it has run.
  await all(raw.flat(), async (job, frame) => {
    if (fired.has(Number(job.attack)) || noticed.get(job.attack) > 2) return false;
    const found = await run(job, frame);
    if (fired.has(Number(job.attack)) || found.length) {
      report.raw[job.attack] = job.name + ': ' + (found.join(' ') || 'ran');
      noticed.set(job.attack, 1 + (noticed.get(job.attack) || 0));
    }
    return false;
  });
  await sleep(300);
  report.took.raw = performance.now() - start;
  report.ran = [...fired.keys()];
  fired.clear();
  await fetch('/xss/armed', {method: 'POST'});
  await all(jobs.filter(j => j.kind !== 'fragment'), async (job, frame) => {
    const found = await run(job, frame);
    if (found.length) report.found[job.name] = [...new Set(found)];
    return found.length > 0;
  });
  report.took.documents = performance.now() - start;
  // Many texts at once, since nearly all of them are as they should be; the others one by one.
  const texts = jobs.filter(j => j.kind === 'fragment');
  const groups = [];
  while (texts.length) groups.push({name: texts[0].name, jobs: texts.splice(0, 16)});
  await all(groups, async (group, frame) => {
    if (!(await insert(frame, group.jobs.map(j => j.html))).length) return false;
    for (const job of group.jobs) {
      const {frame} = newFrame();
      const found = await run(job, frame);
      if (found.length) report.found[job.name + ' ' + job.html] = [...new Set(found)];
      frame.remove();
    }
    return true;
  });
  await sleep(300);
  report.took.texts = performance.now() - start;
  report.fired = Object.fromEntries(fired);
  await fetch('/xss/report', {method: 'POST', body: JSON.stringify(report)});
}

addEventListener('DOMContentLoaded', () => main().catch(e => fetch('/xss/report', {method: 'POST', body: JSON.stringify({error: String(e.stack || e)})})));
