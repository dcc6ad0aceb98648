// What starts with the page.
import { follow } from "./feed.js";
import { watch } from "./map.js";
import { show as showOfficial } from "./official.js";
import { show as showSubjects } from "./subject.js";

watch();
follow();
showOfficial();
showSubjects();
