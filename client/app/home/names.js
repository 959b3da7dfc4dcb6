// Room names that can be read out on the telephone: two words and a number that nobody guesses by chance.

const sets = {
    en: [
        'amber,brave,bright,calm,clever,cosy,early,gentle,golden,happy,jolly,kind,lively,lucky,mellow,merry,quick,quiet,rosy,silver,snowy,sunny,warm,witty'.split(','),
        'acorn,badger,beaver,cherry,clover,comet,dolphin,falcon,garden,harbor,heron,island,lantern,maple,meadow,otter,panda,pebble,river,robin,sparrow,tulip,violet,willow'.split(','),
    ],
    ko: [
        '고운,기쁜,다정한,따뜻한,맑은,밝은,반가운,부드러운,빛나는,산뜻한,상쾌한,새로운,소중한,시원한,신나는,씩씩한,아늑한,작은,정겨운,조용한,즐거운,푸른,행복한,환한'.split(','),
        '강가,개나리,고래,구름,나비,노을,다람쥐,단풍,달빛,도토리,들꽃,바다,벚꽃,별빛,봄비,사슴,산새,소나무,수달,여름,오솔길,은하수,제비,호수'.split(','),
    ],
};

function below(limit) {
    return crypto.getRandomValues(new Uint32Array(1))[0] % limit;
}

// About thirty bits: enough not to meet strangers, no secret. A room that must be private takes tokens.
export function freshName(language) {
    const words = sets[language].map((set) => set[below(set.length)]);
    return [...words, String(below(1_000_000)).padStart(6, '0')].join('-');
}
