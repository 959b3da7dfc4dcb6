// The dashboard's words. `?lang=ko` or `?lang=en` overrides the browser's languages.

export const words = {
    en: {
        otherLanguage: '한국어',
        signOut: 'Forget token',
        token: 'Admin token',
        tokenHint: 'Kept in this tab only, until it is closed.',
        signIn: 'Open',
        elsewhere:
            'This page works on the admin listener only (admin.listen), which is not this address. Don’t enter a token here.',
        live: 'Live',
        stale: 'No answer. Still trying…',
        rooms: 'Rooms',
        find: 'Find a room by how its name begins',
        noRooms: 'There is no such room.',
        more: 'Show more',
        missing: 'Not answering, their rooms are missing: {names}',
        peers: '{n} here',
        locked: 'locked',
        instances: 'Instances',
        draining: 'draining',
        silent: 'does not answer',
        instanceFacts: '{connections} connections · {websockets} WebSockets · {workers} workers · version {version} · since {since}',
        calls: 'Calls',
        self: 'of {instance}',
        others:
            'Charts and calls are those of this instance. Each of the others shows its own on its own admin listener; Grafana shows all of them (deploy/grafana).',
        noCalls: 'No client has reported a call yet.',
        ofCalls: 'of {n} reports say the call came about',
        why: 'Why calls fail',
        noFailures: 'None has failed.',
        'reason-none': 'No reason given',
        'reason-hangup': 'Hung up before it stood',
        'reason-peer-left': 'The other one left',
        'reason-no-answer': 'No answer',
        'reason-ice-failed': 'No way through the network: is there a TURN server?',
        'reason-negotiation-failed': 'Browsers or codecs that do not fit together',
        'reason-media-failed': 'No camera or microphone, or no permission',
        'reason-signaling-lost': 'Connection to the server lost',
        'reason-other': 'Something else',
        ways: 'How they connect',
        connectTime: 'Time to connect, p95',
        relayed: 'Through a relay',
        iceRestarts: 'ICE restarts',
        now: 'Now',
        connections: 'Connections',
        members: 'Peers',
        openRooms: 'Rooms, on each worker',
        messagesIn: 'Messages in, a second',
        messagesOut: 'Messages out, a second',
        errors: 'Errors, a second',
        limits: 'Limits hit, a second',
        joinTime: 'Join, p95',
        routingTime: 'Routing, p95',
        loopLag: 'Loop lag, p95',
        memory: 'Memory',
        cpu: 'Processor',
        back: 'Back',
        noPeers: 'Nobody is here.',
        gone: 'This room is no more.',
        here: 'here',
        away: 'away',
        peerFacts: '{state} since {since}',
        at: 'at {instance}, from {address}',
        roomFacts: '{n} peers',
        roomMax: 'at most {max}',
        bans: '{n} banned',
        kick: 'Remove',
        kickName: 'Remove {peer}',
        kickSure: 'Remove {peer} from this room?',
        ban: 'Keep out',
        'ban-0': 'Not at all: may come back at once',
        'ban-600': 'For 10 minutes',
        'ban-3600': 'For an hour',
        'ban-86400': 'For a day',
        kicked: '{peer} is out.',
        notice: 'Notice',
        noticeTo: 'To',
        everybody: 'Everybody here',
        send: 'Send',
        sent: 'Sent to {n}.',
        close: 'Close room',
        closeSure: 'Close {room}? All {n} in it are thrown out.',
        closed: '{room} is closed.',
        cancel: 'Cancel',
        'failed-unauthorized': 'This token is not valid.',
        'failed-too-many-failures': 'Too many wrong tokens. Try again in a moment.',
        'failed-network': 'The server does not answer.',
        'failed-unavailable': 'No answer in time. It may or may not be done.',
        setup: 'An admin token is needed',
        setupWhy: 'No admin token is configured, so this dashboard can neither show nor do anything. Make one, and start roomline with it:',
        setupFile: 'Or with a file of tokens, one a line, which is read again on SIGHUP:',
        setupThen: 'Then load this page again and type the token in.',
    },
    ko: {
        otherLanguage: 'English',
        signOut: '토큰 지우기',
        token: '관리 토큰',
        tokenHint: '이 탭에만 보관되며, 탭을 닫으면 사라집니다.',
        signIn: '열기',
        elsewhere:
            '이 페이지는 관리 주소(admin.listen)에서만 동작하며, 여기는 그 주소가 아닙니다. 여기에 토큰을 입력하지 마세요.',
        live: '실시간',
        stale: '응답이 없습니다. 계속 시도하는 중…',
        rooms: '방',
        find: '방 이름의 앞부분으로 찾기',
        noRooms: '그런 방이 없습니다.',
        more: '더 보기',
        missing: '응답이 없어 방이 빠져 있습니다: {names}',
        peers: '{n}명',
        locked: '잠김',
        instances: '인스턴스',
        draining: '비우는 중',
        silent: '응답 없음',
        instanceFacts: '연결 {connections}개 · 웹소켓 {websockets}개 · 워커 {workers}개 · 버전 {version} · {since}부터',
        calls: '통화',
        self: '{instance}',
        others:
            '차트와 통화는 이 인스턴스의 것입니다. 다른 인스턴스의 것은 각각의 관리 주소에서, 모두 합친 것은 Grafana에서 볼 수 있습니다(deploy/grafana).',
        noCalls: '아직 보고된 통화가 없습니다.',
        ofCalls: '보고 {n}건 중 통화가 이루어진 비율',
        why: '통화가 실패하는 까닭',
        noFailures: '실패한 통화가 없습니다.',
        'reason-none': '까닭을 알리지 않음',
        'reason-hangup': '연결되기 전에 끊음',
        'reason-peer-left': '상대방이 나감',
        'reason-no-answer': '받지 않음',
        'reason-ice-failed': '네트워크를 통과하지 못함: TURN 서버가 있습니까?',
        'reason-negotiation-failed': '브라우저나 코덱이 서로 맞지 않음',
        'reason-media-failed': '카메라나 마이크가 없거나 허용되지 않음',
        'reason-signaling-lost': '서버와의 연결이 끊김',
        'reason-other': '그 밖의 까닭',
        ways: '연결되는 방식',
        connectTime: '연결까지 걸린 시간, p95',
        relayed: '릴레이를 거친 비율',
        iceRestarts: 'ICE 재시작',
        now: '지금',
        connections: '연결',
        members: '참가자',
        openRooms: '방 (워커별 합계)',
        messagesIn: '초당 받은 메시지',
        messagesOut: '초당 보낸 메시지',
        errors: '초당 오류',
        limits: '초당 한도 초과',
        joinTime: '입장 시간, p95',
        routingTime: '전달 시간, p95',
        loopLag: '루프 지연, p95',
        memory: '메모리',
        cpu: '프로세서',
        back: '뒤로',
        noPeers: '아무도 없습니다.',
        gone: '이 방은 이제 없습니다.',
        here: '있음',
        away: '자리 비움',
        peerFacts: '{since}부터 {state}',
        at: '{instance}, {address}에서',
        roomFacts: '{n}명',
        roomMax: '최대 {max}명',
        bans: '차단 {n}명',
        kick: '내보내기',
        kickName: '{peer} 내보내기',
        kickSure: '{peer} 님을 이 방에서 내보낼까요?',
        ban: '들어오지 못하게',
        'ban-0': '하지 않음: 바로 다시 들어올 수 있음',
        'ban-600': '10분 동안',
        'ban-3600': '한 시간 동안',
        'ban-86400': '하루 동안',
        kicked: '{peer} 님을 내보냈습니다.',
        notice: '알림',
        noticeTo: '받는 사람',
        everybody: '이 방의 모두',
        send: '보내기',
        sent: '{n}명에게 보냈습니다.',
        close: '방 닫기',
        closeSure: '{room} 방을 닫을까요? 안에 있는 {n}명이 모두 나가게 됩니다.',
        closed: '{room} 방을 닫았습니다.',
        cancel: '취소',
        'failed-unauthorized': '올바르지 않은 토큰입니다.',
        'failed-too-many-failures': '틀린 토큰이 너무 많았습니다. 잠시 뒤에 다시 시도하세요.',
        'failed-network': '서버가 응답하지 않습니다.',
        'failed-unavailable': '제때 응답이 없었습니다. 처리되었는지 알 수 없습니다.',
        setup: '관리 토큰이 필요합니다',
        setupWhy: '관리 토큰이 설정되지 않아 이 대시보드에서는 아무것도 볼 수 없습니다. 토큰을 만들고 그것으로 roomline을 시작하세요.',
        setupFile: '또는 한 줄에 하나씩 토큰을 적은 파일로 시작하세요. SIGHUP을 받으면 다시 읽습니다.',
        setupThen: '그런 다음 이 페이지를 새로고침하고 토큰을 입력하세요.',
    },
};

const wanted = [new URLSearchParams(location.search).get('lang'), ...navigator.languages];
export const language =
    wanted.map((tag) => tag?.slice(0, 2).toLowerCase()).find((tag) => Object.hasOwn(words, tag)) ??
    'en';

export const has = (key) => Object.hasOwn(words[language], key);

export function t(key, values = {}) {
    return words[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// The browser's own variety of the language: days and months stand in another order elsewhere.
const locale = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language)) ?? language;
const times = new Intl.DateTimeFormat(locale, { dateStyle: 'short', timeStyle: 'short' });
const digits = [0, 1, 2].map((n) => new Intl.NumberFormat(locale, { maximumFractionDigits: n }));
const counts = digits[0];

/** Of two names, as sort() wants it. */
export const order = new Intl.Collator(locale).compare;

/** An ISO time, in this language and zone. */
export const time = (iso) => times.format(new Date(iso));
/** A measured number; null is one that there is none of. */
export const number = (value) => {
    if (value === null) return '–';
    return digits[value >= 100 ? 0 : value >= 10 ? 1 : 2].format(value);
};
export const count = (value) => counts.format(value);

/** Fills in elements with data-t (text), data-t-label (accessible name) and data-t-placeholder. */
export function translate() {
    document.documentElement.lang = language;
    for (const element of document.querySelectorAll('[data-t]'))
        element.textContent = t(element.dataset.t);
    for (const element of document.querySelectorAll('[data-t-label]'))
        element.ariaLabel = t(element.dataset.tLabel);
    for (const element of document.querySelectorAll('[data-t-placeholder]'))
        element.placeholder = t(element.dataset.tPlaceholder);
}

export function offerOtherLanguage(button) {
    button.lang = language === 'ko' ? 'en' : 'ko';
    button.addEventListener('click', () => location.assign(`?lang=${button.lang}`));
}
