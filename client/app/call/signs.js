// What a byte of the safety code looks like and is called: 256 pictures that every system has, each unlike the
// others in both languages. The order is part of the code: both sides must have the same.

const table = `
🐶 dog 개|🐱 cat 고양이|🐭 mouse 쥐|🐹 hamster 햄스터|🐰 rabbit 토끼|🦊 fox 여우|🐻 bear 곰|🐼 panda 판다
🐨 koala 코알라|🐯 tiger 호랑이|🦁 lion 사자|🐮 cow 소|🐷 pig 돼지|🐸 frog 개구리|🐵 monkey 원숭이|🐔 hen 닭
🐧 penguin 펭귄|🦆 duck 오리|🦅 eagle 독수리|🦉 owl 부엉이|🦇 bat 박쥐|🐺 wolf 늑대|🐗 boar 멧돼지|🐴 horse 말
🦄 unicorn 유니콘|🐝 bee 벌|🐛 caterpillar 애벌레|🦋 butterfly 나비|🐌 snail 달팽이|🐞 ladybird 무당벌레|🐜 ant 개미|🕷️ spider 거미
🦂 scorpion 전갈|🐢 turtle 거북|🐍 snake 뱀|🦎 lizard 도마뱀|🐙 octopus 문어|🦑 squid 오징어|🦐 shrimp 새우|🦀 crab 게
🐡 blowfish 복어|🐟 fish 물고기|🐬 dolphin 돌고래|🐳 whale 고래|🦈 shark 상어|🐊 crocodile 악어|🦓 zebra 얼룩말|🦍 gorilla 고릴라
🐘 elephant 코끼리|🦏 rhino 코뿔소|🐪 camel 낙타|🦒 giraffe 기린|🐑 sheep 양|🐐 goat 염소|🦌 deer 사슴|🦃 turkey 칠면조
🕊️ dove 비둘기|🐿️ squirrel 다람쥐|🦔 hedgehog 고슴도치|🐉 dragon 용|🌵 cactus 선인장|🎄 firtree 전나무|🌴 palm 야자수|🍀 clover 클로버
🍁 maple 단풍|🍄 mushroom 버섯|🌷 tulip 튤립|🌹 rose 장미|🌻 sunflower 해바라기|🌸 blossom 벚꽃|🌾 rice 벼|🌰 chestnut 밤
🌍 earth 지구|🌙 moon 달|⭐ star 별|☀️ sun 해|⚡ lightning 번개|🔥 fire 불|🌈 rainbow 무지개|☁️ cloud 구름
❄️ snowflake 눈송이|⛄ snowman 눈사람|💧 drop 물방울|🌊 wave 파도|☂️ umbrella 우산|🌪️ tornado 회오리|🌋 volcano 화산|⛰️ mountain 산
🍏 apple 사과|🍐 pear 배|🍊 orange 오렌지|🍋 lemon 레몬|🍌 banana 바나나|🍉 watermelon 수박|🍇 grapes 포도|🍓 strawberry 딸기
🍒 cherry 체리|🍑 peach 복숭아|🍍 pineapple 파인애플|🥥 coconut 코코넛|🥝 kiwi 키위|🍅 tomato 토마토|🍆 eggplant 가지|🥑 avocado 아보카도
🥦 broccoli 브로콜리|🥒 cucumber 오이|🌶️ chili 고추|🌽 corn 옥수수|🥕 carrot 당근|🥔 potato 감자|🍠 yam 고구마|🥐 croissant 크루아상
🍞 bread 빵|🧀 cheese 치즈|🥚 egg 달걀|🥓 bacon 베이컨|🥞 pancake 팬케이크|🍔 hamburger 햄버거|🍟 fries 감자튀김|🍕 pizza 피자
🌭 hotdog 핫도그|🥪 sandwich 샌드위치|🌮 taco 타코|🥗 salad 샐러드|🍝 spaghetti 스파게티|🍜 noodles 국수|🍣 sushi 초밥|🥟 dumpling 만두
🍙 riceball 주먹밥|🍦 icecream 아이스크림|🍩 doughnut 도넛|🍪 cookie 쿠키|🎂 cake 케이크|🍫 chocolate 초콜릿|🍬 candy 사탕|🍭 lollipop 막대사탕
🍯 honey 꿀|🥛 milk 우유|☕ coffee 커피|🍵 tea 차|🥄 spoon 숟가락|🍴 fork 포크|⚽ football 축구공|🏀 basketball 농구공
🏈 rugby 럭비공|⚾ baseball 야구공|🎾 tennis 테니스|🏐 volleyball 배구공|🎱 billiards 당구공|🏓 pingpong 탁구|🏸 badminton 배드민턴|🥊 boxing 권투
⛳ golf 골프|🏹 bow 활|🎣 fishing 낚시|🥋 judo 유도|⛸️ skates 스케이트|🎿 skis 스키|🏆 trophy 우승컵|🏅 medal 메달
🎫 ticket 표|🎪 circus 서커스|🎨 palette 팔레트|🎬 film 영화|🎤 song 노래|🎧 headphones 헤드폰|🎹 piano 피아노|🥁 drum 북
🎷 saxophone 색소폰|🎺 trumpet 나팔|🎸 guitar 기타|🎻 violin 바이올린|🎲 dice 주사위|🎯 target 과녁|🎳 bowling 볼링|🎮 gamepad 게임기
🧩 puzzle 퍼즐|🚗 car 자동차|🚕 taxi 택시|🚌 bus 버스|🚑 ambulance 구급차|🚒 fireengine 소방차|🚜 tractor 트랙터|🚲 bicycle 자전거
🛵 scooter 스쿠터|🚂 train 기차|✈️ airplane 비행기|🚀 rocket 로켓|🚁 helicopter 헬리콥터|⛵ sailboat 돛단배|⚓ anchor 닻|🚦 trafficlight 신호등
🗽 liberty 여신상|🗼 tower 탑|🏰 castle 성|🎡 ferriswheel 관람차|🎢 rollercoaster 롤러코스터|⛲ fountain 분수|🏝️ island 섬|🏜️ desert 사막
⛺ tent 천막|🏠 house 집|🏭 factory 공장|🏥 hospital 병원|🏫 school 학교|⛪ church 교회|🌉 bridge 다리|⌚ watch 손목시계
📱 telephone 전화기|💻 laptop 노트북|📷 camera 사진기|📺 television 텔레비전|📻 radio 라디오|🧭 compass 나침반|⏰ alarm 자명종|⏳ hourglass 모래시계
🔋 battery 건전지|💡 bulb 전구|🔦 torch 손전등|🕯️ candle 촛불|💎 diamond 다이아몬드|⚖️ scales 저울|🔧 wrench 렌치|🔨 hammer 망치
⛏️ pickaxe 곡괭이|🔩 bolt 볼트|🧱 brick 벽돌|🧲 magnet 자석|🔪 knife 칼|🛡️ shield 방패|🔮 crystalball 수정구슬|🔭 telescope 망원경
🔬 microscope 현미경|💊 pill 알약|🌡️ thermometer 온도계|🧹 broom 빗자루|🔑 key 열쇠|🚪 door 문|🛏️ bed 침대|🧸 teddybear 곰인형
🎁 gift 선물|🎈 balloon 풍선|🎏 kite 연|🎀 ribbon 리본|✉️ letter 편지|📦 parcel 소포|📜 scroll 두루마리|📅 calendar 달력
📌 pin 압정|📎 paperclip 클립|✂️ scissors 가위|📖 book 책|✏️ pencil 연필|🔍 magnifier 돋보기|🔒 padlock 자물쇠|👑 crown 왕관
`;

export const signs = table
    .trim()
    .split(/[|\n]/)
    .map((text) => text.split(' '))
    .map(([picture, en, ko]) => ({ picture, en, ko }));
