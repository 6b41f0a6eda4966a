package pooling

import (
	"fmt"
	"strconv"
	"strings"
)

// words are the texts of an explanation; every language has the same keys.
var words = map[string]map[string]string{
	"en": {
		"single":        "single tests",
		"dorfman":       "two-stage pools",
		"three-stage":   "three-stage pools",
		"four-stage":    "four-stage pools",
		"halving":       "halving",
		"array":         "array of rows and columns",
		"array-master":  "array with a master pool",
		"title":         "Pooling plan: %s persons at a risk of %s",
		"limits":        "Limits: pools up to %d, PCR rounds up to %d, %s; Se %s, Sp %s.",
		"wells":         "%s free wells",
		"nowells":       "wells not limited",
		"do":            "Recommended: %s, %s.",
		"none":          "No scheme keeps within the limits. The nearest is %s, %s; it breaks: %s. Another laboratory has to take %s persons.",
		"cost":          "It needs %s tests per person: %s wells for everybody (single tests: %s), %s %% fewer.",
		"costmore":      "It needs %s tests per person: %s wells for everybody.",
		"rounds":        "It takes up to %d rounds; %s of persons need more than the first.",
		"recall":        "Pooled in the laboratory, the retained tubes of about %s persons are tested singly; pooled at collection, these persons have to be swabbed again.",
		"reserve":       "For every %d pools in flight keep %s wells of the next plate for retests.",
		"late":          "%s of persons cannot be finished in the rounds there are.",
		"errors":        "It finds %s of positives and clears %s of negatives; each positive result is right with chance %s.",
		"saves":         "The next best, %s, needs %s tests per person.",
		"why-single":    "At this risk pooling saves nothing: above %s no pool is cheaper than single tests.",
		"proof":         "A pool that is not negative makes nobody positive: its members are tested singly first.",
		"dilution":      "Sensitivity here does not include dilution: use a pool size that is validated for the kit.",
		"diluted":       "Sensitivity is taken over the distribution of Cq, dilution included: %s; as if the tests of one person were independent it would read %s.",
		"head":          "scheme|design|tests per person|wells|rounds|late|sensitivity|",
		"refused":       "breaks: %s",
		"r-rounds":      "rounds",
		"r-wells":       "wells",
		"r-sensitivity": "sensitivity",
		"alone":         "one tube, one well",
		"pools":         "pools of %s",
		"grid":          "%d rows of %d, %d columns of %d",
		"negative":      "a negative pool releases all its members",
		"positive":      "not negative",
		"round":         "round %d",
		"cross":         "row and column not negative: tested singly",
		"row":           "row",
		"col":           "column",
	},
	"zh": {
		"single":        "单采单检",
		"dorfman":       "两阶段混检",
		"three-stage":   "三阶段混检",
		"four-stage":    "四阶段混检",
		"halving":       "对半拆分",
		"array":         "行列阵列混检",
		"array-master":  "带总池的行列阵列混检",
		"title":         "混检方案：%s 人份，感染风险 %s",
		"limits":        "限制：每池最多 %d 份，%d 轮检测，%s；灵敏度 %s，特异度 %s。",
		"wells":         "可用反应孔 %s 个",
		"nowells":       "反应孔不限",
		"do":            "建议：%s，%s。",
		"none":          "没有方案能满足全部限制。最接近的是%s，%s；不满足：%s。需由其他实验室承担 %s 人份。",
		"cost":          "每人份需 %s 次检测：全部共 %s 孔（单检需 %s 孔），减少 %s %%。",
		"costmore":      "每人份需 %s 次检测：全部共 %s 孔。",
		"rounds":        "最多 %d 轮；%s 的人需要第一轮以后的检测。",
		"recall":        "实验室混检时，约 %s 人份的留存单管需单独复检；采样时混采的，这些人须重新单独采样。",
		"reserve":       "每 %d 个在检混检池，下一板预留 %s 个反应孔用于复检。",
		"late":          "%s 的人在现有轮次内不能完成。",
		"errors":        "可检出 %s 的阳性，正确排除 %s 的阴性；阳性结果的正确率为 %s。",
		"saves":         "其次是%s，每人份需 %s 次检测。",
		"why-single":    "在该风险下混检不省检测：风险高于 %s 时任何混检都不比单检便宜。",
		"proof":         "混检池非阴性不等于任何人阳性：池内每人须先单独复检。",
		"dilution":      "此处灵敏度未计稀释影响：请使用该试剂盒已验证的混检份数。",
		"diluted":       "灵敏度按 Cq 分布积分并计入稀释：%s；若把同一人的各次检测当作独立，则为 %s。",
		"head":          "方案|设计|每人份检测数|孔数|轮次|延迟|灵敏度|",
		"refused":       "不满足：%s",
		"r-rounds":      "轮次",
		"r-wells":       "孔数",
		"r-sensitivity": "灵敏度",
		"alone":         "一管一孔",
		"pools":         "每池 %s 份",
		"grid":          "%d 行每行 %d 份，%d 列每列 %d 份",
		"negative":      "混检阴性：池内所有人放行",
		"positive":      "非阴性",
		"round":         "第 %d 轮",
		"cross":         "行与列均非阴性者单独复检",
		"row":           "行",
		"col":           "列",
	},
}

// speech is one language.
type speech map[string]string

func speak(lang string) (speech, error) {
	w, ok := words[lang]
	if !ok {
		return nil, refuse(BadField, "language %q: expected zh or en", lang)
	}
	return w, nil
}

func (s speech) say(key string, args ...any) string { return fmt.Sprintf(s[key], args...) }

// design describes the sizes of an option.
func (s speech) design(o Option) string {
	switch {
	case o.Rows > 0:
		return s.say("grid", o.Rows, o.Cols, o.Cols, o.Rows)
	case len(o.Stages) == 0:
		return s["alone"]
	}
	var stages []string
	for _, sizes := range o.Stages {
		stages = append(stages, sizesText(sizes))
	}
	return s.say("pools", strings.Join(append(stages, "1"), " → "))
}

// sizesText writes sizes with dashes, three or more equal ones as k×n.
func sizesText(sizes []int) string {
	var out []string
	for i := 0; i < len(sizes); {
		j := i
		for j < len(sizes) && sizes[j] == sizes[i] {
			j++
		}
		if j-i >= 3 {
			out = append(out, fmt.Sprintf("%d×%d", j-i, sizes[i]))
			i = j
			continue
		}
		out = append(out, strconv.Itoa(sizes[i]))
		i++
	}
	return strings.Join(out, "-")
}
